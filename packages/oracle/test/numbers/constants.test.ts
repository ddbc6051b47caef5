import { expect, test } from 'vitest';
import { formsOf } from '../../src/numbers/constants/forms.js';
import { quantitiesOf } from '../../src/numbers/constants/quantities.js';
import { recognise } from '../../src/numbers/constants/recognise.js';
import { CONFIG, random, randomCase, randomModel } from '../diagnose/random-cases.js';

const YARN = { originalContext: 64, betaFast: 32, betaSlow: 1, attnFactor: 1 };
const yarn = randomModel({ ...CONFIG, ropeFreqScale: 1 / 4, ropeYarn: YARN });
const formsAt = (stage: string, model = randomModel()) => {
  const c = randomCase(stage, { model });
  return formsOf(c, quantitiesOf(c, 64));
};

test.each([
  ['attn_rms', Math.sqrt(63 / 64), '√((n_embd − 1)/n_embd)', 'a mean over 63 in place of 64'],
  ['kq', 1 / 4, '1/4', undefined],
  ['embd', 8, '√n_embd', undefined],
  ['ffn_out', 2, '2', undefined],
  ['l_out', 127 / 128, '127/128', undefined],
] as const)('at %s, %d is %s', (stage, value, formula, meaning) => {
  const found = recognise(value * (1 + 1e-7), 2e-7, formsAt(stage));
  expect([found?.formula, found?.meaning]).toEqual([formula, meaning]);
});

test("YaRN's magnitude, where the model has YaRN", () => {
  const found = recognise(1 / (1 + 0.1 * Math.log(4)), 2e-7, formsAt('q_rope', yarn));
  expect(found).toMatchObject({ formula: '1/(1 + 0.1 ln 4)', meaning: "YaRN's magnitude is left out" });
  expect(recognise(1 / (1 + 0.1 * Math.log(4)), 2e-7, formsAt('q_rope'))).toBeUndefined();
});

test('n_embd / n_head for head_dim, where the two are not the same', () => {
  const wide = randomModel({ ...CONFIG, embeddingLength: 168 });
  expect(recognise(Math.sqrt(21 / 16), 2e-7, formsAt('kq', wide))?.formula).toBe('√((n_embd/n_head)/head_dim)');
});

test('of two forms with one value neither is said', () => {
  const twice = [
    { formula: 'a', value: 8, tier: 1 as const },
    { formula: 'b', value: 8, tier: 1 as const },
  ];
  expect(recognise(8, 2e-7, twice)).toBeUndefined();
  expect(recognise(8, 2e-7, twice.slice(1))?.formula).toBe('b');
});

test('a simple number is hardly made of two of the model', () => {
  expect(recognise(32, 2e-7, formsAt('kq'))).toBeUndefined(); // n_embd / n_head_kv
});

test('a number that is not known well enough has no form', () => {
  expect(recognise(Math.sqrt(63 / 64), 1e-4, formsAt('attn_rms'))).toBeUndefined();
  expect(recognise(Math.SQRT2, 1e-4, formsAt('attn_rms'))).toBeUndefined();
});

test('of random numbers fewer than one in a thousand has a form', () => {
  const next = random(4);
  const [near, far] = [() => 1 + 0.1 * next(), () => 10 ** (3 * next())];
  let [tried, found] = [0, 0];
  for (const stage of ['attn_rms', 'q_rope', 'kq', 'l_out']) {
    const forms = formsAt(stage, yarn);
    for (const within of [2e-7, 3e-6, 1e-5, 1e-4, 1e-2]) {
      for (let i = 0; i < 1000; i++) if (recognise(i % 2 ? near() : far(), within, forms)) found++;
      tried += 1000;
    }
  }
  expect(found / tried).toBeLessThan(1e-3);
});

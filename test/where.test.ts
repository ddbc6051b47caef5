import { describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { once } from './support/probe.js';
import { probe, probeBoth } from './support/session.js';
import type { Patch } from './support/shaders.js';
import { broken } from './support/wrong-kernels.js';

const RUN = ['compare', '--prompt', 'Hello, my friend!', '--steps', '0', '--reference', 'exact'];
const TOKENS = 6;
const EVERY = [[0, TOKENS - 1]] as const;

type Where = NonNullable<NonNullable<Report['first']>['where']>;

/** An error put into a known place of a kernel's result, and what must be said of it. */
const CASES: readonly [string, Patch, string, Partial<Where>, RegExp][] = [
  [
    'head 3 is half of what it should be',
    { file: 'kqv.wgsl', before: 'even + odd;', after: '(even + odd) * select(1.0, 0.5, row % heads == 3u);' },
    'kqv_out',
    {
      tokens: EVERY,
      heads: [[3, 3]],
      columnsIn: 'head',
      columns: [{ from: 0, to: 31, what: 'the whole head' }],
      share: 1 / 8,
      kind: { kind: 'factor', factor: expect.closeTo(0.5, 6) },
    },
    /every row is wrong, in head 3 of 8, every value; they are 0\.5 times the right ones/,
  ],
  [
    'the columns from 192 on are not written',
    { file: 'mul.wgsl', before: 'w[i % length]', after: 'select(w[i % length], Part(), i % length >= 192u / PART)' },
    'attn_norm',
    {
      tokens: EVERY,
      heads: null,
      columns: [{ from: 192, to: 255, what: expect.stringContaining('group of 64') }],
      share: 1 / 4,
      kind: { kind: 'zero' },
    },
    /every row is wrong, only columns 192 to 255 \(.+group of 64\); they are 0/,
  ],
  [
    'token 2 is noise',
    {
      file: 'swiglu.wgsl',
      before: '* up[i];',
      after: '* up[i]; if (i / (width / PART) == 2u) { gate[i] = sin(f32(i) + vec4f(0.0, 1.0, 3.0, 4.0)); }',
    },
    'ffn_swiglu',
    { tokens: [[2, 2]], wrongRows: 1, rows: TOKENS, kind: { kind: 'uncorrelated', cosine: expect.closeTo(0, 0) } },
    /only token 2 is wrong, every value; they have nothing to do with the right ones/,
  ],
  [
    'everything is half of what it should be',
    { file: 'mul.wgsl', before: 'w[i % length]', after: '0.5 * w[i % length]' },
    'attn_norm',
    {
      tokens: EVERY,
      wrongRows: TOKENS,
      columns: [{ from: 0, to: 255, what: 'the whole row' }],
      share: 1,
      kind: { kind: 'factor', factor: 0.5 },
    },
    /every row is wrong, every value; they are 0\.5 times the right ones/,
  ],
  [
    'a constant is added',
    { file: 'swiglu.wgsl', before: '* up[i];', after: '* up[i] + 0.25;' },
    'ffn_swiglu',
    { tokens: EVERY, share: 1, kind: { kind: 'offset', offset: expect.closeTo(0.25, 5) } },
    /every row is wrong, every value; they are the right ones plus 0\.25/,
  ],
  [
    'the values of each head are in reverse',
    {
      file: 'kqv.wgsl',
      before: 'kqv[i] = even + odd;',
      after: 'kqv[row * parts + parts - 1u - i % parts] = (even + odd).wzyx;',
    },
    'kqv_out',
    { tokens: EVERY, heads: [[0, 7]], kind: { kind: 'permutation', within: 'head', order: 'reversed' } },
    /in all 8 heads, every value; they are the right values in another order \(reversed in each head\)/,
  ],
  [
    'one value is off by one',
    {
      file: 'swiglu.wgsl',
      before: '* up[i];',
      after: '* up[i]; if (i == (2u * width + 3u) / PART) { gate[i].w += 1.0; }',
    },
    'ffn_swiglu',
    {
      tokens: [[2, 2]],
      columns: [{ from: 3, to: 3, what: null }],
      kind: {
        kind: 'few',
        count: 1,
        values: [{ token: 2, index: 3, candidate: expect.any(Number), reference: expect.any(Number) }],
      },
    },
    /only token 2 is wrong, only column 3; they are \S+ instead of \S+ at token 2, index 3/,
  ],
];

describe('where inside the first faulty stage the error is', () => {
  const runs = new Map(CASES.map(([name, patch]) => [name, once(() => probeBoth(RUN, broken([patch])))]));
  const runOf = (name: string) => runs.get(name)?.() ?? expect.fail(`no run of ${name}`);

  test.each(CASES)('%s', async (name, _, stage, where, text) => {
    const { code, json, stderr } = await runOf(name);
    expect(json.first, `${json.reason} ${stderr}`).toMatchObject({ step: 0, layer: 0, stage });
    expect(json.first?.where).toMatchObject({ ...where, text: expect.stringMatching(text) });
    const { kind } = json.first?.where ?? {};
    if (kind?.kind === 'few')
      expect((kind.values[0]?.candidate ?? 0) - (kind.values[0]?.reference ?? 0)).toBeCloseTo(1);
    expect(code).toBe(1);
  });

  test('the text says it in a sentence, with teacher forcing and without', async () => {
    const [[name, patch, , , sentence]] = CASES as [(typeof CASES)[number]];
    const forced = await runOf(name);
    expect(forced.stdout).toMatch(
      new RegExp(`^ {2}kqv_out of the layers 0 to 3: local delta up to .+\\n {4}where: ${sentence.source}$`, 'm'),
    );
    const free = await probe([...RUN, '--no-teacher-forced'], broken([patch]));
    expect(free.stdout).toMatch(new RegExp(`^where: ${sentence.source}$`, 'm'));
  });
});

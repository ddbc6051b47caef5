import { expect, test } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.js';
import type { Variation } from '../../src/variation.js';
import { saidToo, unknown } from '../../src/words/said.js';
import { engineRows, limitsOf, randomCase } from '../diagnose/random-cases.js';

const toldOf = async (stage: string, bug: Variation) => {
  const c = randomCase(stage);
  return diagnose(c, engineRows(c, bug), engineRows(c), { limits: limitsOf(1e-5) });
};

test('a bug, where to look for it, and what speaks for it: nothing of one is in another', async () => {
  const diagnosis = await toldOf('q_rope', { rope: { pairs: 'halves' } });
  expect(diagnosis).toMatchObject({
    confidence: 'confirmed',
    bug: 'RoPE turns the halves of a head, not neighbours',
    look: expect.stringMatching(/^The rotation kernel: .*\.$/),
    evidence: expect.stringMatching(/^recomputed from the stage's own inputs with this bug, .* differ by \S+\.$/),
  });
  const { bug, look, evidence, text } = diagnosis;
  expect(text).toBe(`${bug}: ${evidence} Where to look: ${look}`);
  expect(saidToo(diagnosis, 'So is that.')).toMatchObject({
    evidence: `${evidence} So is that.`,
    text: `${text} So is that.`,
  });
});

test('the parameters of a bug are part of its name', async () => {
  const { bug, look, evidence } = await toldOf('q_rope', { rope: { base: 10000 } });
  expect(bug).toMatch(/^RoPE has another base frequency \(.*10000.*\)$/);
  expect(look).not.toBe('');
  expect(evidence).toMatch(/^recomputed from /);
});

test('of what no bug explains: why', () => {
  const found = unknown('none of the 9 known bugs.');
  expect(found).toMatchObject({ bug: null, look: '', evidence: 'none of the 9 known bugs.' });
  expect(found.text).toBe('Unknown: none of the 9 known bugs.');
});

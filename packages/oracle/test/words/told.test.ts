import { expect, test } from 'vitest';
import { diagnose } from '../../src/diagnose/diagnose.js';
import type { Variation } from '../../src/variation.js';
import { told } from '../../src/words/index.js';
import { engineRows, limitsOf, randomCase } from '../diagnose/random-cases.js';

const toldOf = async (stage: string, bug: Variation) => {
  const c = randomCase(stage);
  const diagnosis = await diagnose(c, engineRows(c, bug), engineRows(c), { limits: limitsOf(1e-5) });
  return { ...told(diagnosis), confidence: diagnosis.confidence };
};

test('a bug, where to look for it, and what speaks for it: nothing of one is in another', async () => {
  expect(await toldOf('q_rope', { rope: { pairs: 'halves' } })).toEqual({
    confidence: 'confirmed',
    bug: 'RoPE turns the halves of a head, not neighbours',
    look: expect.stringMatching(/^The rotation kernel: .*\.$/),
    evidence: expect.stringMatching(/^recomputed from the stage's own inputs with this bug, .* differ by \S+\.$/),
  });
});

test('the parameters of a bug are part of its name', async () => {
  const { bug, look, evidence } = await toldOf('q_rope', { rope: { base: 10000 } });
  expect(bug).toMatch(/^RoPE has another base frequency \(.*10000.*\)$/);
  expect(look).not.toBe('');
  expect(evidence).toMatch(/^recomputed from /);
});

test('of what no bug explains: why', () => {
  const unknown = { confidence: 'unknown', candidates: [], indistinguishable: [], text: 'not looked for: no' } as const;
  expect(told(unknown)).toEqual({ bug: null, look: '', evidence: 'not looked for: no' });
});

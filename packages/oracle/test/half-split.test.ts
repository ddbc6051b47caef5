import { describe, expect, test } from 'vitest';
import { CATALOGUE, computeStage, inHalves } from '../src/index.js';
import { permutation } from '../src/variants/order.js';
import { CONFIG, casesOf, tiny } from './tiny-model.js';

const CASES = casesOf(tiny(['F32', 'Q8_0'], { bias: true, freqs: true })).map(({ c, right }) => ({
  case: c,
  sick: Float32Array.from(right),
  right: Float32Array.from(right),
}));
const ORDERED = ['q_proj', 'k_proj', 'q_rope', 'k_rope'];
const at = (stages: readonly string[]) => CASES.filter(({ case: { stage } }) => stages.includes(stage));
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)) || 0);
  return most;
};

describe('a case of an engine that has Q and K in half-split order', () => {
  test('has the same right rows, in that order', () => {
    const cases = at([...ORDERED, 'kq']);
    expect(cases).toHaveLength(2 * 2 * 5); // prompt and decoded, two layers
    for (const one of cases) {
      const { case: c, right } = inHalves(one);
      expect(apart(computeStage(c), right), c.stage).toBeLessThan(1e-5);
      const order = permutation(right.length, { to: 'halves', heads: right.length / CONFIG.headDim });
      const wanted = c.stage === 'kq' ? one.right : one.right.map((_, i) => one.right[order[i] as number] as number);
      expect(apart(right, wanted)).toBe(0);
    }
  });

  test('has the bugs of that order', () => {
    const ids = (stage: string) => {
      const [one] = at([stage]);
      const { case: c } = inHalves(one as (typeof CASES)[number]);
      return CATALOGUE.filter((bug) => [...bug.variants(c)].length > 0).map(({ id }) => id);
    };
    expect(ids('q_rope')).toContain('rope-neighbours');
    expect(ids('q_rope')).not.toContain('rope-halves');
  });

  test('is as it was for every other stage', () => {
    const others = CASES.filter(({ case: { stage } }) => ![...ORDERED, 'kq'].includes(stage));
    expect(others.every((one) => inHalves(one) === one)).toBe(true);
  });
});

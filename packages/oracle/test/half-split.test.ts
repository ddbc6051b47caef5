import { describe, expect, test } from 'vitest';
import { type CaseModel, operationOf } from '../src/case.js';
import { CATALOGUE, computeStage, inHalves, type QuantizedType } from '../src/index.js';
import { permutation } from '../src/variants/order.js';
import { CONFIG, casesOf, tiny } from './tiny-model.js';

const casesOfTypes = (...types: QuantizedType[]) =>
  casesOf(tiny(types, { bias: true, freqs: true })).map(({ c, right }) => ({
    case: c,
    sick: Float32Array.from(right),
    right: Float32Array.from(right),
  }));
const CASES = casesOfTypes('F32', 'Q8_0');
const F32 = casesOfTypes('F32');
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

  test('has the rows of one weight for Q, K and V in that order, and V as it is', () => {
    const sizes = [8, 4, 4].map((heads) => heads * CONFIG.headDim);
    const ofV = [12, 16].map((heads) => 4 * heads * CONFIG.headDim * CONFIG.embeddingLength) as [number, number];
    for (const [i, stage] of ['q_proj', 'k_proj', 'v_proj'].entries()) {
      const begin = sizes.slice(0, i).reduce((a, b) => a + b, 0);
      const rowsOfWeight = [begin, begin + (sizes[i] as number)] as const;
      for (const one of F32.filter(({ case: { stage: its } }) => its === stage)) {
        const operation = { ...operationOf(one.case), weight: 'attn_qkv', rowsOfWeight };
        const { case: c, right } = inHalves({ ...one, case: { ...one.case, operation } });
        expect(apart(computeStage(c), right), stage).toBeLessThan(1e-5);
        if (stage === 'v_proj') continue;
        const name = `blk.${c.layer}.attn_qkv.weight`;
        const bytes = (model: CaseModel) => model.weight(name)?.bytes.subarray(...ofV) ?? new Uint8Array(0);
        expect(Buffer.compare(bytes(c.model), bytes(one.case.model))).toBe(0);
      }
    }
  });

  test('is as it was for every other stage', () => {
    const others = CASES.filter(({ case: { stage } }) => ![...ORDERED, 'kq'].includes(stage));
    expect(others.every((one) => inHalves(one) === one)).toBe(true);
  });
});

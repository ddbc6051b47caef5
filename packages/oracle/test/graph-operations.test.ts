import type { NodeOperation } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { computeStage, diagnose, GraphOperations } from '../src/index.js';
import { engineRows, limitsOf } from './diagnose/random-cases.js';
import { graphCases, OPERATIONS } from './graph-cases.js';

const CASES = graphCases();
const of = (stage: string) => {
  const found = CASES.find(({ c }) => c.stage === stage);
  if (!found) throw new Error(`no case of ${stage}`);
  return found;
};

describe('a stage by its nodes', () => {
  test('is computed together with what nobody captured before it', () => {
    const { operation } = of('q_rope');
    const [weight] = operation.inputs;
    expect(weight).toMatchObject({ op: 'mul', weight: 'attn_q_norm', inputs: [{ op: 'rms-norm' }] });
    expect(Object.keys(of('q_rope').c.inputs)).toEqual(['q_proj']);
  });

  test('has what its own node says of the model', () => {
    expect(of('q_rope').operation.config).toMatchObject({ ropePairs: 'halves', headDim: 8, ropeFactors: null });
    expect(of('kq_soft_max').operation.config).toMatchObject({ window: 4, headCount: 4, headCountKv: 2 });
    expect(of('kq_soft_max').operation.sinks).toBe('blk.0.attn_sinks.weight');
    expect(of('kq_soft_max').operation.inputs).toMatchObject([{ op: 'soft-cap', factor: 4 }]);
    expect(of('ffn_swiglu').operation.activation).toBe('gelu-tanh');
  });

  test('of a sum the residual stream is what was there first', () => {
    const [added, stream] = of('ffn_inp').operation.inputs;
    expect(added).toMatchObject({ op: 'scale', inputs: [{ stage: 'attn_out' }] });
    expect(stream).toMatchObject({ op: 'scale', inputs: [{ stage: 'embd' }] });
  });

  test('a row sees what the window leaves, and gives the sink its share', () => {
    const { right, c } = of('kq_soft_max');
    const nKv = c.rows;
    for (let row = 0; row < c.rows; row++) {
      const first = right.subarray(row * 4 * nKv, row * 4 * nKv + nKv);
      expect(first.filter((p) => p > 0).length).toBe(Math.min(row + 1, 4));
      expect(first.reduce((a, b) => a + b)).toBeLessThan(1);
    }
    const whole = computeStage(c, { softMax: { sinks: 'missing' } });
    expect(whole.subarray(0, nKv).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  test.each(['ARGSORT', 'NORM'])('%s is nothing that the oracle computes', (op) => {
    const place = { stage: 'mine', layer: 0 };
    const node: NodeOperation = { name: 'mine', place, op, shape: [1, 1, 1, 1], parameters: {}, inputs: [] };
    expect(new GraphOperations([node], () => true).at(place)).toBeUndefined();
  });

  test('nor is a softmax whose mask hides by another rule, or one with a slope', () => {
    for (const [mask, slope] of [
      ['other', 0],
      ['causal', 8],
    ] as const) {
      const kq: NodeOperation = {
        ...{ name: 'kq', place: { stage: 'kq', layer: 0 }, op: 'MUL_MAT', shape: [2, 2, 1, 1], parameters: {} },
        inputs: [],
      };
      const place = { stage: 'kq_soft_max', layer: 0 };
      const softMax: NodeOperation = {
        ...{ name: 'kq_soft_max', place, op: 'SOFT_MAX', shape: [2, 2, 1, 1] },
        ...{ parameters: { scale: 1, max_bias: slope }, inputs: [{ node: 0 }, { mask }] },
      };
      expect(new GraphOperations([kq, softMax], () => true).at(place)).toBeUndefined();
    }
    expect(OPERATIONS.at({ stage: 'no such stage', layer: 0 })).toBeUndefined();
  });
});

describe('a bug of what a Llama has not', () => {
  test.each([
    ['sinks-ignored', 'kq_soft_max', { softMax: { sinks: 'missing' } }],
    ['window-ignored', 'kq_soft_max', { softMax: { window: Number.POSITIVE_INFINITY, hidden: 'scores' } }],
    ['window-off-by-one', 'kq_soft_max', { softMax: { window: 3 } }],
    ['soft-cap-left-out', 'kq_soft_max', { step: { softCap: 'missing' } }],
    ['qk-norm-left-out', 'k_rope', { norm: { skipped: true, weight: 'missing' } }],
    ['qk-norm-after-rope', 'q_rope', { rope: { norm: 'after' } }],
    ['rope-neighbours', 'k_rope', { rope: { pairs: 'neighbours' } }],
    ['embedding-scale-left-out', 'attn_rms', { step: { scale: 'missing', of: 'embd' } }],
    ['residual-factor-left-out', 'ffn_inp', { step: { scale: 'missing', of: 'attn_out' } }],
    ['activation-of-gelu', 'ffn_swiglu', { activation: { of: 'silu' } }],
    ['router-bias-missing', 'ffn_moe_probs', { product: { bias: 'missing' } }],
    ['expert-bias-unweighted', 'ffn_moe_weighted', { experts: { bias: 'unweighted' } }],
  ] as const)('%s is named at %s', async (id, stage, variation) => {
    const { c } = of(stage);
    const { confidence, candidates } = await diagnose(c, engineRows(c, variation), engineRows(c), {
      limits: limitsOf(1e-5),
    });
    expect([candidates[0]?.id, confidence]).toEqual([id, 'confirmed']);
  });
});

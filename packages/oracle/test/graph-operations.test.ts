import type { NodeOperation } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { computeStage, diagnose, GraphOperations, type Variation } from '../src/index.js';
import { engineRows, limitsOf } from './diagnose/random-cases.js';
import { graphCases, OPERATIONS, olderCases } from './graph-cases.js';

const CASES = graphCases();
const OLDER = olderCases();
const of = (stage: string, layer = -1, cases = CASES) => {
  const found = cases.find(({ c }) => c.stage === stage && (layer < 0 || (c.layer ?? 0) === layer));
  if (!found) throw new Error(`no case of ${stage}`);
  return found;
};
const named = async ({ c }: (typeof CASES)[number], variation: Variation) => {
  const { confidence, candidates } = await diagnose(c, engineRows(c, variation), engineRows(c), {
    limits: limitsOf(1e-5),
  });
  return [candidates[0]?.id, confidence];
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

  test('an expert is its own matrix, and a token has those that the router likes best', () => {
    const [probs, ids, gate] = ['ffn_moe_probs', 'ffn_moe_topk', 'ffn_moe_gate'].map((stage) => of(stage)) as [
      ReturnType<typeof of>,
      ReturnType<typeof of>,
      ReturnType<typeof of>,
    ];
    const { c, right } = gate;
    const [x, weight] = [c.inputs.ffn_norm as Float64Array, c.model.weight('blk.0.ffn_gate_exps.weight')];
    const numbers = new Float32Array((weight?.bytes ?? new Uint8Array()).buffer);
    for (let token = 0; token < c.rows; token++) {
      const of3 = Array.from(probs.right.subarray(token * 3, token * 3 + 3));
      const best = [0, 1, 2].sort((a, b) => (of3[b] as number) - (of3[a] as number)).slice(0, 2);
      expect(Array.from(ids.right.subarray(token * 2, token * 2 + 2))).toEqual(best);
      for (const [place, expert] of best.entries()) {
        let sum = 0;
        for (let i = 0; i < 32; i++)
          sum += (x[token * 32 + i] as number) * (numbers[(expert * 24 + 5) * 32 + i] as number);
        expect(right[(token * 2 + place) * 24 + 5]).toBeCloseTo(sum, 12);
      }
    }
  });

  test.each([3, -1, 0.5, Number.NaN])(
    'an expert %d that there is not has no rows, and costs no other its own',
    (wrong) => {
      for (const stage of ['ffn_moe_weights', 'ffn_moe_gate', 'ffn_moe_gate_biased']) {
        const { c, right } = of(stage);
        const ids = (c.inputs.ffn_moe_topk as Float64Array).slice();
        ids[5] = wrong;
        const rows = computeStage({ ...c, inputs: { ...c.inputs, ffn_moe_topk: ids } });
        const width = rows.length / ids.length;
        expect(rows.map((value, i) => (Math.floor(i / width) === 5 ? 0 : value))).toEqual(
          right.map((value, i) => (Math.floor(i / width) === 5 ? 0 : value)),
        );
        expect(rows.subarray(5 * width, 6 * width).every(Number.isNaN)).toBe(true);
      }
    },
  );

  test.each(['ARGSORT', 'SSM_SCAN'])('%s is nothing that the oracle computes', (op) => {
    const place = { stage: 'mine', layer: 0 };
    const node: NodeOperation = { name: 'mine', place, op, shape: [1, 1, 1, 1], parameters: {}, inputs: [] };
    expect(new GraphOperations([node], () => true).at(place)).toBeUndefined();
  });

  test('nor is a softmax whose mask hides by another rule', () => {
    const kq: NodeOperation = {
      ...{ name: 'kq', place: { stage: 'kq', layer: 0 }, op: 'MUL_MAT', shape: [2, 2, 1, 1], parameters: {} },
      inputs: [],
    };
    const place = { stage: 'kq_soft_max', layer: 0 };
    const softMax: NodeOperation = {
      ...{ name: 'kq_soft_max', place, op: 'SOFT_MAX', shape: [2, 2, 1, 1] },
      ...{ parameters: { scale: 1, max_bias: 0 }, inputs: [{ node: 0 }, { mask: 'other' }] },
    };
    expect(new GraphOperations([kq, softMax], () => true).at(place)).toBeUndefined();
    expect(OPERATIONS.at({ stage: 'no such stage', layer: 0 })).toBeUndefined();
  });
});

describe('what older models have', () => {
  test('a LayerNorm leaves rows of mean 0 and deviation 1', () => {
    const { right, c } = of('attn_ln', 0, OLDER);
    const row = right.subarray(0, right.length / c.rows);
    expect(row.reduce((a, b) => a + b) / row.length).toBeCloseTo(0, 12);
    expect(row.reduce((sum, value) => sum + value ** 2, 0) / row.length).toBeCloseTo(1, 3);
  });

  test.each([
    ['norm-mean-kept', 'attn_ln', { norm: { mean: 'kept' } }],
    ['rms-eps', 'ffn_ln', { norm: { epsilon: 1e-3 } }],
    ['bias-missing', 'attn_norm', { product: { bias: 'missing' } }],
    ['bias-missing', 'attn_out', { product: { bias: 'missing' } }],
    ['bias-twice', 'ffn_norm', { product: { bias: 'twice' } }],
    ['norm-weight-missing', 'ffn_norm', { norm: { weight: 'missing' } }],
    ['alibi-missing', 'kq_soft_max', { softMax: { slopes: 'missing' } }],
    ['alibi-distance', 'kq_soft_max', { softMax: { distance: 'from-first' } }],
    ['alibi-scaled', 'kq_soft_max', { softMax: { distance: 'scaled' } }],
    ['alibi-slopes-of-heads', 'kq_soft_max', { softMax: { slopes: 'of-any-count' } }],
    ['alibi-slopes-of-heads', 'kq_soft_max', { softMax: { slopes: 'of-next-power' } }],
    ['alibi-slopes-exponent', 'kq_soft_max', { softMax: { slopes: 'from-zero' } }],
    ['alibi-slopes-reversed', 'kq_soft_max', { softMax: { slopes: 'reversed' } }],
    ['alibi-bias-max', 'kq_soft_max', { softMax: { maxAlibiBias: 6.5 } }],
    ['mask-missing', 'kq_soft_max', { softMax: { ahead: Number.POSITIVE_INFINITY, hidden: 'scores' } }],
    ['rope-sections-of-text', 'q_rope', { rope: { sections: 'first' } }],
    ['rope-sections-of-text', 'k_rope', { rope: { sections: 'first-two' } }],
    ['rope-sections-anew', 'k_rope', { rope: { sections: 'anew' } }],
    ['rope-sections-anew', 'q_rope', { rope: { sections: 'anew-by-section' } }],
    ['rope-sections', 'q_rope', { rope: { sections: 'ignored' } }],
    ['rope-sections', 'q_rope', { rope: { sections: 'reversed' } }],
    ['activation-of-gelu', 'ffn_gelu', { activation: { of: 'relu' } }],
  ] as const)('%s is named at %s', async (id, stage, variation) => {
    expect(await named(of(stage, 0, OLDER), variation)).toEqual([id, 'confirmed']);
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
    ['qk-norm-exchanged', 'q_rope', { norm: { other: 'blk.0.attn_k_norm.weight' } }],
    ['rope-neighbours', 'k_rope', { rope: { pairs: 'neighbours' } }],
    ['embedding-scale-left-out', 'attn_rms', { step: { scale: 'missing', of: 'embd' } }],
    ['residual-factor-left-out', 'ffn_inp', { step: { scale: 'missing', of: 'attn_out' } }],
    ['activation-of-gelu', 'ffn_swiglu', { activation: { of: 'silu' } }],
    ['router-bias-missing', 'ffn_moe_probs', { product: { bias: 'missing' } }],
    ['expert-bias-unweighted', 'ffn_moe_weighted', { experts: { bias: 'unweighted' } }],
    ['expert-weights-normalised', 'ffn_moe_weights', { experts: { normalised: 'extra' } }],
    ['expert-matrix', 'ffn_moe_gate', { experts: { matrices: 'by-place' } }],
    ['expert-matrix', 'ffn_moe_down', { experts: { matrices: 'first' } }],
    ['expert-gate-up-exchanged', 'ffn_moe_up', { product: { weight: 'blk.0.ffn_gate_exps.weight' } }],
    ['weight-transposed', 'ffn_moe_gate', { product: { walk: 'transposed' } }],
    ['expert-bias', 'ffn_moe_gate_biased', { experts: { bias: 'by-place' } }],
    ['bounded-unit-bounds', 'ffn_moe_swiglu_oai', { activation: { bounds: 'gate-below' } }],
    ['bounded-unit-raised', 'ffn_moe_swiglu_oai', { activation: { raised: 'missing' } }],
    ['bounded-unit-alpha', 'ffn_moe_swiglu_oai', { activation: { alpha: 1 } }],
    ['bounded-unit-halves', 'ffn_moe_swiglu_oai', { activation: { combine: 'interleaved' } }],
    ['expert-weights-misplaced', 'ffn_moe_weighted', { experts: { weights: 'reversed' } }],
    ['expert-sum', 'ffn_moe_out', { experts: { added: 'first' } }],
    ['router-activation', 'ffn_moe_probs', { experts: { router: 'softmax' } }],
    ['router-activation', 'ffn_moe_probs', { experts: { router: 'sigmoid' } }, 1],
    ['expert-weights-normalised', 'ffn_moe_weights_norm', { experts: { normalised: 'missing' } }, 1],
    ['expert-factor-left-out', 'ffn_moe_weights_scaled', { step: { scale: 'missing', of: 'ffn_moe_weights_norm' } }, 1],
    ['gate-up-interleaved', 'ffn_moe_swiglu', { activation: { combine: 'interleaved' } }, 1],
  ] as const)('%s is named at %s', async (id, stage, variation, layer?: number) => {
    expect(await named(of(stage, layer ?? 0), variation)).toEqual([id, 'confirmed']);
  });
});

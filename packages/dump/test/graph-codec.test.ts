import { describe, expect, test } from 'vitest';
import { MOST_LAYERS } from '../src/metadata.js';
import {
  asLlama,
  decodeGraph,
  encodeGraph,
  graphOfNodes,
  isGraphDescription,
  llamaGraph,
  type NodeOperation,
  type Place,
} from '../src/stage/index.js';

const heads = { heads: 8, headsKv: 2 };
const llama = llamaGraph({ layers: 40, ...heads });

describe('a graph as a dump has it', () => {
  test('is the same graph again', () => {
    const again = decodeGraph(JSON.parse(JSON.stringify(encodeGraph(llama))), heads);
    expect(again.stages).toEqual(llama.stages);
    expect(again.headsOf('k_rope')).toBe(2);
    expect(again.isOfModel).toBe(true);
  });

  test('grows with the kinds of layers, and by a number for each layer that is like another', () => {
    const size = (layers: number) => JSON.stringify(encodeGraph(llamaGraph({ layers }))).length;
    expect(encodeGraph(llama)).toMatchObject({ layers: [0, ...Array(39).fill(1)] });
    expect(size(240) - size(40)).toBeLessThan(200 * 3);
  });

  test.each([
    ['no object', 'text'],
    ['no kinds', { before: [], after: [], layers: [] }],
    ['a layer of a kind that is not there', { before: [], after: [], kinds: [], layers: [0] }],
    ['more layers than any model has', { before: [], after: [], kinds: [[]], layers: Array(MOST_LAYERS + 1).fill(0) }],
    [
      'more stages than any model has',
      { ...encodeGraph(llama), kinds: [Array(4096).fill({ stage: 'a', op: 'B' })], layers: Array(MOST_LAYERS).fill(0) },
    ],
    ['a stage without a name', { before: [{ op: 'ADD' }], after: [], kinds: [], layers: [] }],
    ['an input that is no place', { before: [{ stage: 'a', op: 'B', inputs: [7] }], after: [], kinds: [], layers: [] }],
    [
      'a stage that is computed from itself',
      { before: [{ stage: 'a', op: 'B', inputs: ['a'] }], after: [], kinds: [], layers: [] },
    ],
    [
      'a stage that is computed from a later layer',
      { ...encodeGraph(llama), kinds: [[{ stage: 'a', op: 'B', inputs: [['a', 1]] }], []] },
    ],
  ])('%s is none', (_, value) => {
    expect(isGraphDescription(value, MOST_LAYERS)).toBe(false);
  });

  test('what we write is one', () => {
    expect(isGraphDescription(encodeGraph(llama), MOST_LAYERS)).toBe(true);
  });
});

describe('a graph of some of its stages', () => {
  test('looks through the others, and says which operations lie between', () => {
    const some = llama.within(({ stage }) => ['embd', 'l_out', 'kq', 'k_rope', 'kqv_out'].includes(stage));
    expect(some.at({ stage: 'kqv_out', layer: 3 })).toMatchObject({
      inputs: [
        { stage: 'kq', layer: 3 },
        { stage: 'l_out', layer: 2 },
      ],
      through: ['SOFT_MAX', 'RMS_NORM', 'MUL', 'MUL_MAT'],
    });
    expect(some.cachedInputOf({ stage: 'kq', layer: 3 })).toEqual({ stage: 'k_rope', layer: 3 });
    expect(some.cachedInputOf({ stage: 'kqv_out', layer: 3 })).toBeUndefined();
  });

  test('a stage that only shows another takes its cache along', () => {
    const nodes = attention({ kqv: { stage: 'kqv', layer: 0 } });
    const graph = graphOfNodes(nodes);
    expect(graph.at({ stage: 'kqv_out', layer: 0 })).toMatchObject({
      op: 'CONT',
      inputs: [{ stage: 'kqv', layer: 0 }],
    });
    const folded = graph.within(({ stage }) => stage !== 'kqv').at({ stage: 'kqv_out', layer: 0 });
    expect(folded).toMatchObject({ cached: { stage: 'v_proj', layer: 0 }, through: ['MUL_MAT'] });
    expect(folded?.inputs.map(({ stage }) => stage)).toEqual(['v_proj', 'kq_soft_max']);
  });
});

describe('whether it is a Llama', () => {
  const stages = llama.stages.map((stage) => ({ ...stage }));
  const changed = (name: string, change: object) => {
    const others = stages.map((stage) => (stage.stage === name && stage.layer === 7 ? { ...stage, ...change } : stage));
    return decodeGraph(encodeGraph({ stages: others, layers: 40 }));
  };

  test('a Llama is one, with its own order of inputs', () => {
    const kq = llama.at({ stage: 'kq', layer: 7 });
    const found = asLlama(changed('kq', { inputs: kq?.inputs.toReversed() }), heads);
    expect(found?.stages).toEqual(llama.stages);
    expect(found?.isOfModel).toBe(true);
  });

  test('a bias is no difference', () => {
    const { inputs } = llama.at({ stage: 'q_proj', layer: 7 }) ?? expect.fail();
    const biased = { op: 'ADD', inputs, through: ['MUL_MAT'], weights: ['attn_q', 'attn_q.bias'] };
    expect(asLlama(changed('q_proj', biased))).toBeDefined();
  });

  test.each([
    ['a norm before the rotation', 'q_rope', { through: ['RMS_NORM', 'MUL'] }],
    ['another residual', 'ffn_inp', { inputs: [{ stage: 'attn_out', layer: 7 }] }],
    ['a multiplier', 'l_out', { through: ['SCALE'] }],
    ['sinks', 'kq_soft_max', { weights: ['attn_sinks'] }],
    ['a mask that is not causal', 'kq_soft_max', { mask: 'other' }],
    ['another activation', 'ffn_swiglu', { op: 'GEGLU' }],
    ['another name', 'ffn_swiglu', { stage: 'ffn_geglu' }],
    ['experts', 'ffn_gate', { stage: 'ffn_moe_gate' }],
  ])('%s: it is none', (_, stage, change) => {
    expect(asLlama(changed(stage, change))).toBeUndefined();
  });
});

/** The last of attention as llama.cpp computes it. */
function attention({ kqv }: { readonly kqv: Place }): NodeOperation[] {
  const node = (stage: string, op: string, inputs: NodeOperation['inputs']): NodeOperation => ({
    ...{ name: stage, place: { stage, layer: kqv.layer }, op, shape: [4, 1, 1, 1], parameters: {} },
    inputs,
  });
  return [
    node('v_proj', 'MUL_MAT', []),
    node('kq_soft_max', 'SOFT_MAX', []),
    node(kqv.stage, 'MUL_MAT', [{ cached: 0, shape: [4, 1, 1, 1] }, { node: 1 }]),
    node('kqv_out', 'CONT', [{ node: 2 }]),
  ];
}

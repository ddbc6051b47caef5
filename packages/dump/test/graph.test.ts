import { describe, expect, test } from 'vitest';
import { idOf, llamaGraph, placeKey, placeOf, STAGE_NAMES, stageKey } from '../src/stage/index.js';

const graph = llamaGraph({ layers: 4, heads: 8, headsKv: 2 });

describe('the graph of a Llama', () => {
  test('has every stage of the vocabulary, in evaluation order', () => {
    expect(graph.layers).toBe(4);
    expect(graph.stages).toHaveLength(4 + 4 * 19);
    expect([...new Set(graph.stages.map(({ stage }) => stage))]).toEqual(STAGE_NAMES);
    const order = new Map(graph.stages.map((stage, i) => [placeKey(stage), i]));
    for (const stage of graph.stages) {
      for (const input of stage.inputs) {
        expect(order.get(placeKey(input)), placeKey(stage)).toBeLessThan(order.get(placeKey(stage)) as number);
      }
    }
  });

  test('knows what a stage is computed from, the residual stream too', () => {
    expect(graph.inputsOf({ stage: 'ffn_inp', layer: 3 })).toEqual([
      { stage: 'attn_out', layer: 3 },
      { stage: 'l_out', layer: 2 },
    ]);
    expect(graph.inputsOf({ stage: 'attn_rms', layer: 0 })).toEqual([{ stage: 'embd', layer: null }]);
    expect(graph.inputsOf({ stage: 'result_rms', layer: null })).toEqual([{ stage: 'l_out', layer: 3 }]);
    expect(graph.inputsOf({ stage: 'embd', layer: null })).toEqual([]);
    expect(graph.inputsOf({ stage: 'ffn_moe_topk', layer: 0 })).toEqual([]);
    expect(graph.inputsOf({ stage: 'kq', layer: 4 })).toEqual([]);
  });

  test('knows what fills the cache', () => {
    expect(graph.cachedInputOf({ stage: 'kq', layer: 3 })).toEqual({ stage: 'k_rope', layer: 3 });
    expect(graph.cachedInputOf({ stage: 'kq_soft_max', layer: 3 })).toBeUndefined();
    expect(graph.cachedNames).toEqual(new Set(['k_rope', 'v_proj']));
  });

  test('knows rows and heads', () => {
    expect(STAGE_NAMES.filter((name) => graph.isScores(name))).toEqual(['kq', 'kq_soft_max']);
    expect(STAGE_NAMES.filter((name) => graph.headsOf(name) === 8)).toEqual([
      'q_proj',
      'q_rope',
      'kq',
      'kq_soft_max',
      'kqv_out',
    ]);
    expect(STAGE_NAMES.filter((name) => graph.headsOf(name) === 2)).toEqual(['k_proj', 'v_proj', 'k_rope']);
    expect(llamaGraph({ layers: 1 }).headsOf('kq')).toBeUndefined();
  });

  test('knows what is in layers and what ends one', () => {
    expect(STAGE_NAMES.filter((name) => !graph.isInLayers(name))).toEqual([
      'embd',
      'result_rms',
      'result_norm',
      'result_output',
    ]);
    expect(graph.isInLayers('unheard_of')).toBe(false);
    expect(graph.lastOf(2)).toMatchObject({ stage: 'l_out', layer: 2 });
    expect(graph.lastOf(null)).toMatchObject({ stage: 'result_output', layer: null });
    expect(graph.lastOf(4)).toBeUndefined();
  });
});

test('keys and identities', () => {
  expect(stageKey({ step: 2, layer: null, stage: 'embd' })).toBe('2/-/embd');
  expect(placeKey({ layer: 3, stage: 'kq' })).toBe('3/kq');
  const more = { step: 0, layer: 1, stage: 'kq', order: 7 };
  expect(idOf(more)).toEqual({ step: 0, layer: 1, stage: 'kq' });
  expect(placeOf(more)).toEqual({ layer: 1, stage: 'kq' });
});

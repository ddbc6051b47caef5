import { llamaGraph, type StageId, stageKey } from '@llama-probe/dump/stage';
import { describe, expect, test } from 'vitest';
import { inheritance } from '../src/inheritance.js';

const graph = llamaGraph({ layers: 2 });

/** Every stage of so many steps, in evaluation order. */
const runOf = (steps: number, keep: (at: StageId) => boolean = () => true): StageId[] =>
  Array.from({ length: steps }, (_, step) => graph.stages.map(({ stage, layer }) => ({ step, stage, layer })))
    .flat()
    .filter(keep);

/** Where each stage has it from, of a run with errors that begin at these places. */
function fromOf(stages: readonly StageId[], origins: readonly string[], clean: readonly string[] = []) {
  const isOrigin = (at: StageId) => origins.includes(stageKey(at));
  const found = inheritance(stages, graph, isOrigin, (at) => clean.includes(stageKey(at)));
  return (key: string) => {
    const { from, origin } = found.get(key) ?? {};
    return { from: from && stageKey(from), origin: origin && stageKey(origin) };
  };
}

describe('an error', () => {
  test('goes to all that is computed from it, and to nothing else', () => {
    const at = fromOf(runOf(1), ['0/0/q_rope']);
    expect(at('0/0/q_rope')).toEqual({ from: undefined, origin: '0/0/q_rope' });
    expect(at('0/0/kq').from).toBe('0/0/q_rope');
    expect(at('0/-/result_output').from).toBe('0/0/q_rope');
    for (const key of ['0/-/embd', '0/0/q_proj', '0/0/k_rope', '0/0/v_proj']) expect(at(key).origin).toBeUndefined();
  });

  test('that comes later goes before one that came earlier', () => {
    const at = fromOf(runOf(1), ['0/0/attn_norm', '0/0/k_rope']);
    expect(at('0/0/kq').from).toBe('0/0/k_rope');
    expect(at('0/0/k_rope')).toEqual({ from: '0/0/attn_norm', origin: '0/0/k_rope' });
    expect(at('0/0/q_rope').from).toBe('0/0/attn_norm');
  });

  test('goes through the cache to later steps', () => {
    const at = fromOf(runOf(3), ['0/1/v_proj']);
    expect(at('2/1/kqv_out').from).toBe('0/1/v_proj');
    expect(at('2/1/kq').from).toBeUndefined();
    expect(at('1/0/kqv_out').from).toBeUndefined();
  });

  test('is seen through stages that were not captured', () => {
    const at = fromOf(
      runOf(1, ({ stage }) => ['embd', 'q_rope', 'l_out', 'result_output'].includes(stage)),
      ['0/0/q_rope'],
    );
    expect(at('0/0/l_out').from).toBe('0/0/q_rope');
    expect(at('0/-/result_output').from).toBe('0/0/q_rope');
  });

  test('is seen through what fills the cache and was not captured', () => {
    const at = fromOf(
      runOf(2, ({ stage }) => stage !== 'k_rope'),
      ['0/1/k_proj'],
    );
    expect(at('1/1/kq').from).toBe('0/1/k_proj');
    expect(at('1/1/q_rope').from).toBeUndefined();
  });

  test('ends at a stage that is clean, where that is told', () => {
    const at = fromOf(runOf(1), ['0/0/q_rope'], ['0/0/kqv_out']);
    expect(at('0/0/kqv_out')).toEqual({ from: '0/0/q_rope', origin: undefined });
    expect(at('0/0/attn_out').from).toBeUndefined();
  });

  test('may be behind a name that nobody knows the inputs of, in its step', () => {
    const stages = [
      ...runOf(1),
      { step: 0, layer: 0, stage: 'ffn_moe_topk' },
      { step: 1, layer: 0, stage: 'ffn_moe_topk' },
    ];
    const at = fromOf(stages, ['0/1/ffn_up']);
    expect(at('0/0/ffn_moe_topk').from).toBe('0/1/ffn_up');
    expect(at('1/0/ffn_moe_topk').from).toBeUndefined();
  });
});

import { llamaGraph, type StageId, stageKey } from '@llama-probe/dump/stage';
import { describe, expect, test } from 'vitest';
import type { StageResult, Verdict } from '../src/comparison.js';
import { rootsBy } from '../src/roots.js';

const graph = llamaGraph({ layers: 2 }, true);

/** A run in which these stages diverged, in evaluation order. @param steps how many it has */
function run(diverged: readonly string[], { steps = 1, incomparable = [] as string[] } = {}): StageResult[] {
  const all = Array.from({ length: steps }, (_, step) =>
    graph.stages.map(({ stage, layer }) => ({ step, stage, layer })),
  );
  const verdictOf = (key: string): Verdict =>
    diverged.includes(key) ? 'diverged' : incomparable.includes(key) ? 'incomparable' : 'agree';
  return all
    .flat()
    .map((at: StageId, order) => ({ ...at, order, verdict: verdictOf(stageKey(at)), inherits: null }) as StageResult);
}

const AFTER_Q = ['0/0/q_rope', '0/0/kq', '0/0/kq_soft_max', '0/0/kqv_out'];

const inheritors = (stages: readonly StageResult[]): string[] =>
  stages.flatMap((stage) => (stage.follows ? [`${stageKey(stage)} < ${stageKey(stage.follows)}`] : []));

describe('without a second run', () => {
  test('what is wrong and computed from something wrong is told from where that begins', () => {
    const { stages, text } = rootsBy(run(AFTER_Q), graph);
    expect(inheritors(stages)).toEqual(AFTER_Q.slice(1).map((key) => `${key} < 0/0/q_rope`));
    expect(text).toBe('The other 3 that diverged are computed from it.');
  });

  test('what is wrong beside it is wrong by itself', () => {
    const { stages, text } = rootsBy(run([...AFTER_Q, '0/0/v_proj']), graph);
    expect(inheritors(stages)).toEqual([
      '0/0/kq < 0/0/q_rope',
      '0/0/kq_soft_max < 0/0/q_rope',
      '0/0/kqv_out < 0/0/q_rope',
    ]);
    expect(text).toBe(
      '2 stages are wrong with nothing wrong before them: v_proj of layer 0, q_rope of layer 0. The other 3 that diverged are computed from these.',
    );
  });

  test('an error that a stage does not pass on ends there: what is wrong behind it begins anew', () => {
    const { stages, text } = rootsBy(run(['0/0/q_rope', '0/1/ffn_out']), graph);
    expect(inheritors(stages)).toEqual([]);
    expect(text).toBe('2 stages are wrong with nothing wrong before them: q_rope of layer 0, ffn_out of layer 1.');
  });

  test('what could not be compared passes it on', () => {
    const { stages } = rootsBy(run(['0/0/q_rope', '0/0/kq_soft_max'], { incomparable: ['0/0/kq'] }), graph);
    expect(inheritors(stages)).toEqual(['0/0/kq_soft_max < 0/0/q_rope']);
  });

  test('through the cache, too; the same place at later steps is one', () => {
    const places = ['0/1/k_rope', '1/1/k_rope', '1/1/kq'];
    const { stages, text } = rootsBy(run(places, { steps: 2 }), graph);
    expect(inheritors(stages)).toEqual(['1/1/kq < 1/1/k_rope']);
    expect(text).toBe('The other one that diverged is computed from it.');
  });

  test('by the graph of the model only, and where something is wrong', () => {
    const wrong = run(AFTER_Q);
    for (const taken of [undefined, llamaGraph({ layers: 2 })])
      expect(rootsBy(wrong, taken)).toEqual({ stages: wrong, text: undefined });
    expect(rootsBy(run([]), graph).text).toBeUndefined();
    expect(rootsBy(run(['0/0/q_rope']), graph).text).toBeUndefined();
  });
});

import { layerCount, type StageId, type StageResult } from '@llama-probe/diff';
import { cachedInputOf, inputsOf, STAGE_NAMES, stageKey } from '@llama-probe/dump';

const KNOWN: ReadonlySet<string> = new Set(STAGE_NAMES);

/**
 * Tells of each stage whether anything that it is computed from has diverged, in its step or through the KV cache: only then may it
 * have inherited what is wrong with it. Stages that were not captured are looked through. Of a node that is not in the vocabulary
 * nobody knows the inputs: anything before it counts.
 */
export function upstreamOf(stages: readonly StageResult[]): (at: StageId) => boolean {
  const compared = new Map(stages.map((stage) => [stageKey(stage), stage]));
  const layers = layerCount(stages);
  const first = stages.findIndex(({ verdict }) => verdict === 'diverged');
  const place = new Map(stages.map((stage, i) => [stageKey(stage), i]));
  const known = new Map<string, boolean>();

  const isWrong = (at: StageId): boolean => {
    const stage = compared.get(stageKey(at));
    return stage && stage.verdict !== 'incomparable' ? stage.verdict === 'diverged' : upstream(at);
  };
  const upstream = (at: StageId): boolean => {
    const key = stageKey(at);
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = KNOWN.has(at.stage) ? inputs(at).some(isWrong) : first >= 0 && first < (place.get(key) ?? first);
    known.set(key, found);
    return found;
  };
  const inputs = (at: StageId): StageId[] => {
    const cached = cachedInputOf(at);
    const earlier = cached ? Array.from({ length: at.step }, (_, step) => ({ step, ...cached })) : [];
    return [...inputsOf(at, layers).map((input) => ({ step: at.step, ...input })), ...earlier];
  };
  return upstream;
}

import { layerCount, type StageId } from '@llama-probe/diff';
import { cachedInputOf, inputsOf, stageKey } from '@llama-probe/dump';
import { place } from './worsening.js';

export interface Roots<T> {
  /** Bad by themselves, as far as can be told. */
  readonly roots: readonly T[];
  /** Everything else that is downstream of a root, bad or not: what is bad of it may inherit, and only a second run can tell. */
  readonly downstream: readonly T[];
}

/**
 * Of the stages that are bad those that do not have it from another one: nothing bad is upstream of them, in the same step or
 * through the KV cache. What a known fault spoils downstream is then not held against it twice.
 *
 * @param stages every stage of the run, in evaluation order
 * @param isOwn known to be bad by itself, whatever is upstream of it
 */
export function rootsOf<T extends StageId>(
  stages: readonly T[],
  isBad: (stage: T) => boolean,
  isOwn: (stage: T) => boolean,
): Roots<T> {
  const layers = layerCount(stages);
  const spoilt = new Set<string>();
  const cache = new Set<string>(); // places that an earlier step has spoilt
  const roots: T[] = [];
  const downstream: T[] = [];
  for (const stage of stages) {
    const cached = cachedInputOf(stage);
    const inherits =
      inputsOf(stage, layers).some((input) => spoilt.has(stageKey({ step: stage.step, ...input }))) ||
      (cached !== undefined && cache.has(place({ step: 0, ...cached })));
    const own = isOwn(stage) || (isBad(stage) && !inherits);
    if (own) roots.push(stage);
    else if (inherits) downstream.push(stage);
    else continue;
    spoilt.add(stageKey(stage));
    cache.add(place(stage));
  }
  return { roots, downstream };
}

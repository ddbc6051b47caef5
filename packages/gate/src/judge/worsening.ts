import type { StageId, StageResult } from '@llama-probe/diff';
import { placeKey } from '@llama-probe/dump/stage';
import type { Baseline } from '../baseline/baseline.js';

/** A stage's delta beside its delta in the baseline. */
export interface Change extends StageId {
  readonly rel: number;
  /** What it is held to: the stage's largest delta or floor of any step. */
  readonly was: number;
  /** `rel` over `was`. */
  readonly times: number;
}

export interface BaselineChanges {
  /** Worse by more than the factor, in evaluation order. */
  readonly worse: readonly Change[];
  /** Better by more than the factor. */
  readonly better: readonly Change[];
  /** The one that got worse by the most, or the least better. */
  readonly most: Change | null;
}

/** Half a unit in the last place of f32 next to 1, twice: no engine can be held to less. */
const ROUNDING = 2 ** -23;

/**
 * Which stages are worse than in the baseline by more than a factor, whatever their limits.
 *
 * A stage is held to its largest delta of any step, or to its floor if that is larger: the noise of a single decoded row depends on how
 * it happens to be rounded, and another adapter's or processor's rounding is no worsening.
 *
 * @param slack how much larger an estimated delta may come out
 */
export function changesSince(
  baseline: Baseline,
  stages: readonly StageResult[],
  { factor, slack = 1 }: { readonly factor: number; readonly slack?: number },
): BaselineChanges {
  const held = new Map<string, number>();
  const before = new Map<string, number>(); // its delta alone
  const hold = (at: StageId, amount: number) =>
    held.set(placeKey(at), Math.max(held.get(placeKey(at)) ?? ROUNDING, amount));
  for (const stage of baseline.stages) {
    // It was written under a known fault: nothing is worse than that, and nothing can be held to it.
    if (!Number.isFinite(stage.rel)) continue;
    hold(stage, Math.max(stage.rel, stage.floor ?? 0));
    before.set(placeKey(stage), Math.max(before.get(placeKey(stage)) ?? 0, stage.rel));
  }
  for (const stage of stages) hold(stage, stage.floor ?? 0);

  const all = stages.flatMap(({ step, layer, stage, rel }): Change[] => {
    const at = placeKey({ layer, stage });
    const was = held.get(at);
    return was === undefined || !before.has(at) ? [] : [{ step, layer, stage, rel, was, times: rel / was }];
  });
  const now = new Map<string, Change>(); // each place's worst step
  for (const change of all) {
    if (!((now.get(placeKey(change))?.rel ?? -1) >= change.rel)) now.set(placeKey(change), change);
  }
  const better = [...now.values()].flatMap((change) => {
    const was = before.get(placeKey(change)) ?? 0;
    return was > factor * slack * Math.max(change.rel, ROUNDING) ? [{ ...change, was, times: change.rel / was }] : [];
  });
  return {
    worse: all.filter(({ times }) => !(times <= factor * slack)),
    better,
    most: all.reduce<Change | null>((a, b) => (a && a.times >= b.times ? a : b), null),
  };
}

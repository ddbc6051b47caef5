import { type Graph, placeKey, stageKey } from '@llama-probe/dump/stage';
import type { StageResult } from './comparison.js';

/**
 * Which stages have NaN or infinities that came in with what they were computed from, and are right otherwise. What becomes of such a value is each
 * engine's own affair: one that adds a mask of −∞ makes NaN of rows that another, which leaves out what is hidden, never looks at. So it is no
 * fault of a stage as long as it has no more of them than the other side makes of the same inputs.
 *
 * @param blamed in evaluation order, each from inputs that both sides had @param graph of the model
 * @returns by `stageKey`
 */
export function handedOn(blamed: readonly StageResult[], graph: Graph): ReadonlySet<string> {
  const there = new Set(blamed.map(placeKey));
  const between = graph.within((place) => there.has(placeKey(place)));
  const spoiled = new Set<string>(); // stages of this step, and by their place those of any so far
  const found = new Set<string>();
  for (const stage of blamed) {
    const { step } = stage;
    const cached = between.cachedInputOf(stage);
    const isSpoiled = between.has(stage.stage)
      ? between.inputsOf(stage).some((input) => spoiled.has(stageKey({ step, ...input }))) ||
        (cached !== undefined && spoiled.has(placeKey(cached)))
      : spoiled.size > 0; // nobody knows what a name of its own is computed from
    if (isSpoiled && isRightOtherwise(stage)) found.add(stageKey(stage));
    // NaN that both have among the scores is taken for what a mask hides, and not counted.
    if (notFinite(stage, 'candidate') === 0 && !(isSpoiled && stage.stage === 'kq')) continue;
    spoiled.add(stageKey(stage));
    spoiled.add(placeKey(stage));
  }
  return found;
}

const notFinite = ({ nan, inf }: StageResult, side: 'candidate' | 'reference'): number => nan[side] + inf[side];

/** Whether all that are numbers on both sides are within their limits, and the candidate has no more that are none. */
function isRightOtherwise(stage: StageResult): boolean {
  const { firstNonFinite, rel, limits, worstRow, maxAbs, referenceRms } = stage;
  const isWithin =
    rel <= limits.rel && (worstRow?.rel ?? 0) <= limits.row && (maxAbs === 0 || maxAbs <= limits.value * referenceRms);
  return firstNonFinite !== null && isWithin && notFinite(stage, 'candidate') <= notFinite(stage, 'reference');
}

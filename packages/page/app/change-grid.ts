import type { PageChanges } from '../src/data.js';
import { type Run, rankOf, stageAt, stateOf } from './model.js';
import type { Change } from './states.js';

/** The stage that stands for a place in the map of changes, and what became of it. */
export interface ChangedStage {
  readonly at: number;
  readonly change: Change;
}

const RANK: Readonly<Record<Change, number>> = { s: 0, n: 1, b: 2, w: 3 };

/** Of each place the step that tells the most: a stage that got worse, then one that got better, then the worst one. */
export function changedStages(run: Run, { signs }: Pick<PageChanges, 'signs'>): Map<number, ChangedStage> {
  const rank = ({ at, change }: ChangedStage) => 10 * RANK[change] + rankOf(stateOf(run, at, 'free'));
  const most = new Map<number, ChangedStage>();
  for (const step of run.steps) {
    for (let place = 0; place < run.data.places.length; place++) {
      const at = stageAt(run, step, place);
      if (at === undefined) continue;
      const one = { at, change: (signs[at] ?? 's') as Change };
      const other = most.get(place);
      if (!other || rank(one) > rank(other)) most.set(place, one);
    }
  }
  return most;
}

/** How many stages became what. */
export function countChanges({ signs }: Pick<PageChanges, 'signs'>): Readonly<Record<Change, number>> {
  const counts = { w: 0, b: 0, n: 0, s: 0 };
  for (const sign of signs) counts[sign as Change]++;
  return counts;
}

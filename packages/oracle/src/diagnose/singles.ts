import type { Bug } from '../bug.js';
import type { StageCase } from '../case.js';
import { fitted } from './search.js';
import { type Bench, formsOf, isCause, type Trial, trial } from './trial.js';
import type { Turns } from './turns.js';

/** Every bug by itself: its variants, and if none of them is the cause, its parameter is searched. */
export async function singles(
  bugs: readonly Bug[],
  c: StageCase,
  all: Bench,
  few: Bench,
  turns: Turns,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const bug of bugs) {
    let isFound = false;
    for (const form of formsOf(bug, c)) {
      await turns.pause();
      const tried = trial(all, form);
      if (!tried) continue;
      trials.push(tried);
      isFound ||= isCause(tried, all.limits);
    }
    const form = isFound ? undefined : await fitted(bug, c, all, few, turns);
    const tried = form && trial(all, form);
    if (tried) trials.push(tried);
    turns.finish();
  }
  return trials;
}

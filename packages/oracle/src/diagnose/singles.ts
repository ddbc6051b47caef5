import type { StageCase } from '../catalogue/case.js';
import type { CatalogueEntry } from '../catalogue/entry.js';
import { fitted } from './search.js';
import { type Bench, isCause, type Trial, trial, variantsOf } from './suspect.js';
import type { Turns } from './turns.js';

/** Every entry by itself: its variants, and where none of them is it, its parameter searched. */
export async function singles(
  entries: readonly CatalogueEntry[],
  c: StageCase,
  all: Bench,
  few: Bench,
  turns: Turns,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const entry of entries) {
    let isFound = false;
    for (const suspect of variantsOf(entry, c)) {
      await turns.pause();
      const tried = trial(all, suspect);
      if (!tried) continue;
      trials.push(tried);
      isFound ||= isCause(tried, all.limit);
    }
    const suspect = isFound ? undefined : await fitted(entry, c, all, few, turns);
    const tried = suspect && trial(all, suspect);
    if (tried) trials.push(tried);
    turns.finish();
  }
  return trials;
}

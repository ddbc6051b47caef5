import type { Bug } from '../bug.js';
import type { StageCase } from '../case.js';
import { isMostOfIt } from './distance.js';
import { work } from './sample.js';
import { fitted } from './search.js';
import { type Bench, type Form, isCause, leaves, pairOf, type Trial, trial } from './trial.js';
import type { Turns } from './turns.js';

const MOST_SUSPECTS = 48; // in pairs with each other
const MOST_FITTED = 8; // in pairs with an bug whose parameter is searched
const MOST_KEPT = 5;
const CHEAP = 2 ** 20; // multiplications: a few milliseconds

/**
 * Two bugs at once, if no single one is the cause. Those that alone take away most are tried first, until the time is over.
 *
 * @param found what each does alone
 * @returns the pairs that leave at most a tenth of what the best single bug leaves: a second bug must earn its place
 */
export async function pairs(
  bugs: readonly Bug[],
  c: StageCase,
  found: readonly Trial[],
  all: Bench,
  few: Bench,
  turns: Turns,
): Promise<Trial[]> {
  const bench = work(all.sample) <= CHEAP ? all : few;
  const alone = found.filter(({ form }) => !form.isFitted).sort((a, b) => leaves(a) - leaves(b));
  const mustLeave = 0.1 * Math.min(1, ...found.map(leaves));
  const kept: Trial[] = [];
  const consider = async (pair: Form | undefined): Promise<void> => {
    await turns.pause();
    const tried = pair && trial(bench, pair);
    if (!tried || !isMostOfIt(tried.distance, bench.right)) return;
    const onAll = bench === all ? tried : trial(all, tried.form);
    if (onAll && leaves(onAll) <= mustLeave) kept.push(onAll);
  };

  const combinations = combine(inTurn(alone).slice(0, MOST_SUSPECTS));
  turns.expect(combinations.length);
  const isLate = turns.budget(0.6);
  for (const [first, second] of combinations) {
    if (isLate()) break;
    await consider(pairOf(first.form, second.form));
    turns.finish();
  }
  const isTooLate = turns.budget(0.4);
  const searched = bugs.filter((bug) => bug.search);
  for (const { form } of alone.slice(0, MOST_FITTED)) {
    for (const bug of searched) {
      if (isTooLate() || kept.some((trial) => isCause(trial, all.limits))) break;
      await consider(await fitted(bug, c, all, few, turns, form));
    }
  }
  return kept.sort((a, b) => leaves(a) - leaves(b)).slice(0, MOST_KEPT);
}

/** The best form of each bug first, then the second best of each. */
function inTurn(sorted: readonly Trial[]): Trial[] {
  const forms = new Map<string, number>();
  const rounds = sorted.map((trial, i) => {
    const round = forms.get(trial.form.bug.id) ?? 0;
    forms.set(trial.form.bug.id, round + 1);
    return { trial, round, i };
  });
  return rounds.sort((a, b) => a.round - b.round || a.i - b.i).map(({ trial }) => trial);
}

/** Every pair: the first trials with each other first, and trials that take long last. */
function combine(trials: readonly Trial[]): [Trial, Trial][] {
  const usual = trials.map(({ ms }) => ms).sort((a, b) => a - b)[trials.length >> 1] ?? 0;
  const late = ({ ms }: Trial) => (ms > 4 * usual ? trials.length : 0);
  const two = trials.flatMap((second, j) =>
    trials.slice(0, j).map((first, i) => ({ first, second, rank: i + j + late(first) + late(second) })),
  );
  return two.sort((a, b) => a.rank - b.rank).map(({ first, second }) => [first, second]);
}

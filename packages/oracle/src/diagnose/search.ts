import { type Bug, caseFor } from '../bug.js';
import { operationOf, type StageCase } from '../case.js';
import { FILE_SAYS } from '../words/bug-in-words.js';
import { distance, inLimits, residue } from './distance.js';
import { minimum, type Objective, polish, roundValues } from './minimum.js';
import { recompute } from './sample.js';
import { type Bench, type Form, pairOf, trial } from './trial.js';
import type { Turns } from './turns.js';

/**
 * The value of an bug's parameter that reproduces the sick rows best, or the round value beside it that does so as well.
 *
 * @param all what the value is made precise on @param few what the valley is looked for on
 * @param beside another bug that is there too
 * @returns undefined if the bug has nothing to search, or if the value that fits best is the right one
 */
export async function fitted(
  bug: Bug,
  c: StageCase,
  all: Bench,
  few: Bench,
  turns: Turns,
  beside?: Form,
): Promise<Form | undefined> {
  const { search } = bug;
  if (!search || caseFor(bug, c) !== c) return undefined; // what it searches is of the stage itself
  const right = search.right(c);
  const form = (value: number): Form | undefined => {
    const parameters = { [search.name]: value, [FILE_SAYS]: Number.isFinite(right) ? right : 'none' };
    const again = (other: StageCase) => search.variation(value, other);
    const alone = { bug, variation: again(c), again, parameters, isFitted: true };
    return beside ? pairOf(beside, alone) : alone;
  };
  const residueOn = (bench: Bench) => async (value: number) => {
    await turns.pause();
    const { sick, width, hidden } = bench.sample;
    const variation = form(value)?.variation;
    if (!variation) return Number.POSITIVE_INFINITY;
    return residue(distance(sick, recompute(bench.sample, variation), width, hidden), bench.right);
  };

  const coarseOn = inLimits(few.right, few.limits) > 1 ? few : all; // few rows need not show it
  const [range, scale] = [search.range(c), search.scale];
  const coarse: Objective = { range, scale, points: points(coarseOn.sample.parts[0] ?? c), of: residueOn(coarseOn) };
  const found = await minimum(coarse);
  if ((await coarse.of(found)) > HOPELESS) return form(found);
  const precise = coarseOn === all ? found : await polish({ ...coarse, of: residueOn(all) }, found, 1e-3);
  const value = rounded(precise, all, form);
  const isRight = Number.isFinite(right) && Math.abs(value - right) <= 1e-6 * Math.abs(right);
  return isRight ? undefined : form(value);
}

export const HOPELESS = 0.5; // what leaves more of the error is not worth a closer look

/** How many values are tried first. The residue of an angle has a valley about every 1 / position, any other parameter's has one. */
export const points = (c: StageCase): number =>
  operationOf(c).op === 'rope' ? Math.min(512 + c.firstPosition, 2048) : 64;

/** The roundest value that reproduces the rows as well: somebody has probably written it into a program. */
function rounded(value: number, all: Bench, form: (value: number) => Form | undefined): number {
  const relOf = (value: number) => {
    const tried = form(value);
    const result = tried && trial(all, tried);
    return result && result.distance.unmatched === 0 ? result.distance.rel : Number.POSITIVE_INFINITY;
  };
  const good = Math.max(1.2 * relOf(value), all.limits.rel / 30);
  return roundValues(value).find((round) => relOf(round) <= good) ?? value;
}

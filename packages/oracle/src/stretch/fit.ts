import type { Bug } from '../bug.js';
import { caseFor } from '../bug.js';
import type { StageCase } from '../case.js';
import { residue } from '../diagnose/distance.js';
import { isRound, minimum, polish, roundValues } from '../diagnose/minimum.js';
import { HOPELESS, points } from '../diagnose/search.js';
import type { Turns } from '../diagnose/turns.js';
import { FILE_SAYS } from '../words/bug-in-words.js';
import { type StretchBench, tryOut } from './bench.js';
import { type Put, put, scopesOf } from './scopes.js';
import type { Stretch } from './stretch.js';

/** How often a form is computed while a parameter is searched, roughly, for each place that is tried first. */
const REFINED = 250;

/** A bug whose parameter is searched, in some stages of a stretch. */
export interface Searched {
  readonly bug: Bug;
  /** How many multiplications the whole search takes. */
  readonly work: number;
  /** The form with the value that makes the rows best, if somebody may have written that. */
  fit(bench: StretchBench, turns: Turns): Promise<Put | undefined>;
}

/** The search of a bug, in all stages that it may be in together. What is in one of them only is found once that one is dumped. */
export function searchesOf(bug: Bug, stretch: Stretch): Searched[] {
  const { search } = bug;
  if (!search) return [];
  const [at] = scopesOf(bug, stretch, (c) => caseFor(bug, c) === c);
  const c = at?.[0]?.case;
  if (!at || !c) return [];
  const right = search.right(c);
  const form = (value: number): Put => {
    const parameters = { [search.name]: value, [FILE_SAYS]: Number.isFinite(right) ? right : 'none' };
    return put(bug, stretch, at, parameters, (one: StageCase) => search.variation(value, one));
  };
  const fit = async (bench: StretchBench, turns: Turns): Promise<Put | undefined> => {
    const of = async (value: number) => {
      await turns.pause();
      const tried = tryOut(bench, form(value));
      return tried ? residue(tried.distance, bench.right) : Number.POSITIVE_INFINITY;
    };
    const objective = { range: search.range(c), scale: search.scale, points: points(c), of };
    const coarse = await minimum(objective);
    if (!((await of(coarse)) <= HOPELESS)) return undefined;
    const value = await polish(objective, coarse, 1e-3);
    const relOf = (at: number) => tryOut(bench, form(at))?.distance.rel ?? Number.POSITIVE_INFINITY;
    const good = Math.max(1.2 * relOf(value), bench.limits.rel / 30);
    // What nobody would write may be anything that makes nearly these rows.
    const round = isRound(value) ? value : roundValues(value).find((one) => relOf(one) <= good);
    const isRight = round !== undefined && Math.abs(round - right) <= 1e-6 * Math.abs(right);
    return round === undefined || isRight ? undefined : form(round);
  };
  return [{ bug, work: form(search.range(c)[0]).work * (points(c) + REFINED), fit }];
}

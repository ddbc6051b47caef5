import { roleOf, type StageCase } from '../case.js';
import { unknown } from '../words/said.js';
import { runThatTells } from './apart.js';
import type { Diagnosis, Suspect } from './diagnosis.js';
import { type Distance, inLimits, isMostOfIt, type Limits, leavesAtMost } from './distance.js';
import { isRound } from './minimum.js';
import { NEAR } from './near.js';
import { confirmed, type Doubt, doubtful, hintOf, likely, noneOf } from './text.js';
import { type Form, isCause, leaves, type Trial } from './trial.js';

const MOST_SUSPECTS = 5;
const MOST_LEFT = 0.9; // of the error; what leaves more is no suspect

/**
 * Ranks what was tried, and says what follows from it.
 *
 * @param width of the stage's rows @param before how far the right rows are from the sick ones @param bugs how many were tried
 * @param own how far the right rows are from those that are computed without a bug: what a right stage leaves
 */
export function conclude(
  c: StageCase,
  width: number,
  before: Distance,
  limits: Limits,
  trials: readonly Trial[],
  bugs: number,
  own: Limits,
): Diagnosis {
  const ranked = bestOfEach([...causesOf(c, trials, limits, own), ...othersOf(trials, limits)]);
  const candidates = ranked.slice(0, MOST_SUSPECTS).map(suspectOf);
  const [first] = ranked;
  const [suspect] = candidates;
  if (!first || !suspect) {
    return unknown(noneOf({ distance: before, before, limit: limits.rel }, bugs));
  }
  const distances = { distance: first.distance, before: first.right, limit: limits.rel };
  if (!isCause(first, limits)) {
    return isMostOfIt(first.distance, first.right)
      ? { ...likely(suspect, distances), candidates, indistinguishable: [] }
      : { ...unknown(noneOf(distances, bugs)), candidates };
  }
  const doubt = doubtOf(first, limits, own);
  if (doubt) return { ...doubtful(suspect, distances, doubt), candidates, indistinguishable: [] };
  const rivals = ranked.filter((trial) => trial !== first && isCause(trial, limits)).map(({ form }) => form);
  const told = rivals.map((rival) => ({ id: keyOf(rival), run: runThatTells(first.form, rival, c, width, limits) }));
  const indistinguishable = told.map(({ id }) => id);
  const hint = hintOf(told);
  return { ...confirmed(suspect, distances, told), candidates, indistinguishable, ...(hint ? { hint } : {}) };
}

/**
 * Why a form that reproduces the rows to within the limits is no proof: it leaves more than a stage without a bug does, or it is a value that
 * fits and that nobody would have written. Angles that drift are nearly those of another base.
 */
function doubtOf({ form, distance }: Trial, limits: Limits, own: Limits): Doubt | undefined {
  const odd = [form, ...(form.with ? [form.with] : [])].flatMap(({ bug, parameters, isFitted }) => {
    const value = bug.search && isFitted ? parameters[bug.search.name] : undefined;
    return typeof value === 'number' && !isRound(value)
      ? [`${bug.search?.name} = ${Number(value.toPrecision(7))}`]
      : [];
  });
  if (odd.length > 0) return { odd: odd.join(' and ') };
  const isRight = inLimits(distance, limits) <= 1 / NEAR || inLimits(distance, own) <= NEAR;
  return isRight ? undefined : { own: own.rel };
}

/** The trials that reproduce the rows, closest first. Among equally close ones the simplest comes first, then the one that the catalogue has first. */
function causesOf(c: StageCase, trials: readonly Trial[], limits: Limits, own: Limits): Trial[] {
  const causes = trials.filter((trial) => isCause(trial, limits));
  const closest = Math.min(...causes.map(({ distance }) => distance.rel));
  // Rounding to 16 bits leaves much, and nearly the same whatever was rounded.
  const near = own.rel > limits.rel / NEAR ? 1.5 : NEAR;
  const isEqual = ({ distance }: Trial) => distance.rel <= Math.max(near * closest, limits.rel / 10);
  return [
    ...causes.filter(isEqual).sort((a, b) => simplerFirst(c, a.form, b.form)),
    ...causes.filter((trial) => !isEqual(trial)).sort((a, b) => a.distance.rel - b.distance.rel),
  ];
}

function simplerFirst(c: StageCase, a: Form, b: Form): number {
  const complexity = ({ with: other, isFitted, parameters, bug }: Form) => [
    other ? 1 : 0,
    isFitted ? 1 : 0,
    Object.keys(parameters).length,
    bug.stages.indexOf(roleOf(c)),
  ];
  const [ofA, ofB] = [complexity(a), complexity(b)];
  return ofA.map((x, i) => x - (ofB[i] as number)).find((difference) => difference !== 0) ?? 0;
}

/** The trials that take away some of the error without reproducing the rows, by how much they leave. */
function othersOf(trials: readonly Trial[], limits: Limits): Trial[] {
  const isSome = ({ distance, right }: Trial) => leavesAtMost(MOST_LEFT, distance, right);
  return trials.filter((trial) => !isCause(trial, limits) && isSome(trial)).sort((a, b) => leaves(a) - leaves(b));
}

function bestOfEach(sorted: readonly Trial[]): Trial[] {
  const best = new Map<string, Trial>();
  for (const trial of sorted) if (!best.has(keyOf(trial.form))) best.set(keyOf(trial.form), trial);
  return [...best.values()];
}

const keyOf = ({ bug, with: other }: Form): string => (other ? `${bug.id} + ${other.bug.id}` : bug.id);

function suspectOf({ form, distance, right }: Trial): Suspect {
  const { bug, parameters, with: other } = form;
  const { id, title, changes, look, source } = bug;
  const second = other && { ...other.bug, parameters: other.parameters };
  return {
    ...{ id, title, changes, look, source, parameters },
    deltaBefore: right.rel,
    delta: distance.rel,
    ...(second
      ? { with: { id: second.id, title: second.title, look: second.look, parameters: second.parameters } }
      : {}),
  };
}

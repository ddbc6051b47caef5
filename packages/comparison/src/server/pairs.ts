import { FAR, isAsNear, type Left, leftOf, type Place } from './left.js';
import type { ServerCause } from './report.js';
import { counts, type Done, LOGIT_TRIALS, type LogitTrial, logPAfter, writtenTemperatures } from './trials.js';

/**
 * Two causes that act together. A pair is fitted to the differences between the returned tokens first, which takes no sum over the vocabulary: each value of the
 * one is undone, and the other's is the slope of what is left. The nearest are held to the server's numbers.
 *
 * A pair is named where it makes these numbers, takes away all but a twentieth of what either leaves alone, no other pair does as well, and what is left
 * has no trace of a third. The last is a heuristic: where it is wrong, nothing is named.
 *
 * @param nearest the mean KL divergence that each leaves alone
 */
export function pairOf(places: readonly Place[], nearest: ReadonlyMap<string, number>): ServerCause | undefined {
  const entries = places.map(entriesOf);
  const most = Math.max(...places.map(({ limit }) => limit));
  const found = pairs(LOGIT_TRIALS)
    .flatMap((trials) => nearestPair(places, entries, trials, most) ?? [])
    .sort((a, b) => a.left.kl.mean - b.left.kl.mean);
  const [best] = found;
  if (!best?.left.isSame || found.some((other) => other !== best && isAsWell(other, best))) return undefined;
  const alone = Math.min(...best.trials.map(({ id }) => nearest.get(id) ?? Number.POSITIVE_INFINITY));
  if (FAR * best.left.kl.mean > alone || hasTrace(places, entries, best.done)) return undefined;
  const { isSame: _, ...figures } = best.left;
  const parts = best.trials.map(({ id }, i) => ({
    id,
    token: null,
    value: id === 'only-returned' ? null : (best.values[i] as number),
  }));
  return {
    id: parts.map(({ id }) => id).join('+'),
    title: `two things together: ${best.trials.map((trial, i) => trial.title(best.values[i] as number)).join('; and ')}`,
    value: null,
    parts,
    look: best.trials[0].look,
    ...figures,
  };
}

const CLOSEST = 3; // that are held to all numbers
const LOOSE = 4; // times the limit, which the first fit may leave

interface Pair {
  readonly trials: readonly [LogitTrial, LogitTrial];
  readonly values: readonly number[];
  readonly done: Done;
  readonly left: Left;
  /** What the first fit leaves of the differences between returned tokens. */
  readonly shown: number;
}

/** Also by the returned tokens alone: what only the sum over all others tells apart may be a third cause. */
const isAsWell = (other: Pair, best: Pair): boolean =>
  isAsNear(other.left.kl.mean, best.left.kl.mean) || isAsNear(other.shown, best.shown);

function nearestPair(
  places: readonly Place[],
  entries: readonly (readonly Entry[])[],
  trials: readonly [LogitTrial, LogitTrial],
  most: number,
): Pair | undefined {
  // The one that is fitted: a temperature, or the second of two penalties.
  const fitted = trials.find(({ id }) => id === 'temperature') ?? trials[1];
  const other = trials[0] === fitted ? trials[1] : trials[0];
  const near = other
    .values(places)
    .map((value) => ({ value, ...fit(entries, other.done(value), fitted) }))
    .filter(({ left }) => left <= LOOSE * most)
    .sort((a, b) => a.left - b.left)
    .slice(0, CLOSEST);
  const tried = near.flatMap(({ value, slope, left: shown }) =>
    writtenValues(fitted, places, slope).map((written) => {
      const values = trials.map((trial) => (trial === fitted ? written : value));
      const done = both(trials, values);
      return { trials, values, done, shown, left: leftOf(places, (place) => logPAfter(place, done)) };
    }),
  );
  if (!tried.every(({ values }) => pullsOneWay(trials, values))) return undefined;
  const least = Math.min(...tried.map(({ left }) => left.kl.mean));
  return tried.find(({ left }) => isAsNear(left.kl.mean, least));
}

/** Nobody asks for a penalty and its opposite: that fits what is done to the tokens that come twice. */
function pullsOneWay(trials: Pair['trials'], values: readonly number[]): boolean {
  if (trials.some(({ done }) => !done(1).penalties)) return true;
  const [one, two] = trials.map(({ id }, i) => (values[i] as number) > (id === 'repetition-penalty' ? 1 : 0));
  return one === two;
}

/** What somebody would write for a value that was fitted; all that it may be, where it was not. */
function writtenValues(trial: LogitTrial, places: readonly Place[], slope: number): readonly number[] {
  if (trial.id === 'temperature') return writtenTemperatures(1 / slope);
  const values = trial.values(places);
  return trial.times ? values.toSorted((a, b) => Math.abs(a + slope) - Math.abs(b + slope)).slice(0, 1) : values;
}

function both([one, two]: Pair['trials'], [first, second]: readonly number[]): Done {
  const [a, b] = [one.done(first as number), two.done(second as number)];
  return { ...a, ...b, penalties: [...(a.penalties ?? []), ...(b.penalties ?? [])] };
}

/** A token that the server returned. */
interface Entry {
  readonly id: number;
  readonly logit: number;
  /** How often it was seen before. */
  readonly count: number;
  readonly said: number;
  /** Its probability, as the server says. */
  readonly weight: number;
}

function entriesOf({ row, logits, before }: Place): readonly Entry[] {
  const seen = counts(before);
  const total = row.logP.reduce((sum, one) => sum + Math.exp(one), 0);
  return row.ids.map((id, i) => {
    const said = row.logP[i] as number;
    return { id, logit: logits[id] as number, count: seen.get(id) ?? 0, said, weight: Math.exp(said) / total };
  });
}

/** The slope that leaves least of the differences between returned tokens, and what it leaves, near what that is as a KL divergence. */
function fit(
  entries: readonly (readonly Entry[])[],
  { penalties = [] }: Done,
  { id, times }: LogitTrial,
): { slope: number; left: number } {
  const after = ({ count, logit }: Entry) =>
    count === 0 ? logit : penalties.reduce((own, penalty) => penalty(own, count), logit);
  const isTemperature = id === 'temperature';
  let [xx, xy, yy] = [0, 0, 0];
  for (const place of entries) {
    const points = place.map((entry) => {
      const own = after(entry);
      return isTemperature ? { x: own, y: entry.said } : { x: times?.(entry.count) ?? 0, y: entry.said - own };
    });
    let [meanX, meanY] = [0, 0];
    for (const [i, { x, y }] of points.entries()) {
      meanX += (place[i] as Entry).weight * x;
      meanY += (place[i] as Entry).weight * y;
    }
    for (const [i, { x, y }] of points.entries()) {
      const { weight } = place[i] as Entry;
      xx += weight * (x - meanX) ** 2;
      xy += weight * (x - meanX) * (y - meanY);
      yy += weight * (y - meanY) ** 2;
    }
  }
  const slope = xx > 0 ? xy / xx : 0;
  return { slope, left: (yy - slope * xy) / (2 * entries.length) };
}

const TRACE = 2; // times less, which chance does not make of a rest by four numbers

/** Whether a little more of any of the known causes, all at once, takes away most of what is left. */
function hasTrace(places: readonly Place[], entries: readonly (readonly Entry[])[], done: Done): boolean {
  const features: ((entry: Entry) => number)[] = [
    ({ logit }) => logit,
    ({ count }) => Math.min(count, 1),
    ({ count }) => count,
    ({ count, logit }) => (count > 0 ? Math.abs(logit) : 0),
  ];
  const column = (value: (entry: Entry, i: number) => number): number[] =>
    entries.flatMap((place, i) => {
      const mean = place.reduce((sum, entry) => sum + entry.weight * value(entry, i), 0);
      return place.map((entry) => Math.sqrt(entry.weight) * (value(entry, i) - mean));
    });
  const right = places.map((place) => logPAfter(place, done));
  let rest = column((entry, i) => entry.said - (right[i]?.(entry.id) ?? entry.said));
  const before = dot(rest, rest);
  const directions: number[][] = [];
  for (const feature of features) {
    const own = column(feature);
    let direction = own;
    for (const other of directions) direction = without(direction, other);
    if (dot(direction, direction) <= 1e-9 * dot(own, own)) continue; // it is one of the others here
    directions.push(direction);
    rest = without(rest, direction);
  }
  return TRACE * dot(rest, rest) < before && before > 1e-10;
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, one, i) => sum + one * (b[i] as number), 0);

function without(a: readonly number[], direction: readonly number[]): number[] {
  const by = dot(a, direction) / dot(direction, direction);
  return a.map((one, i) => one - by * (direction[i] as number));
}

const pairs = <T>(all: readonly T[]): [T, T][] =>
  all.flatMap((one, i) => all.slice(i + 1).map((two): [T, T] => [one, two]));

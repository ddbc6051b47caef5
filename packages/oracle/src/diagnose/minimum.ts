export type Scale = 'log' | 'linear' | 'integer';

/** A function of one unknown to be made smallest, and where to look. */
export interface Objective {
  readonly range: readonly [number, number];
  readonly scale: Scale;
  /** How many places of the range are tried first. */
  readonly points: number;
  of(value: number): Promise<number>;
}

const VALLEYS = 12; // of the first scan that are scanned again
const PRECISION = 1e-8; // of the value, relative

/**
 * The value for which an objective is smallest. A scan finds the valleys, a finer scan of each the deepest ones, and golden sections the bottom.
 *
 * @example await minimum({ range: [1, 1e6], scale: 'log', points: 60, of: async (x) => (Math.log(x) - 3) ** 2 }) // e³
 */
export async function minimum({ range, scale, points, of }: Objective): Promise<number> {
  const [low, high] = scale === 'log' ? range.map(Math.log) : range;
  const valueAt = (t: number) => (scale === 'log' ? Math.exp(t) : t);
  const f = (t: number) => of(valueAt(t));
  if (low === undefined || high === undefined || !(high > low)) return range[0];
  if (scale === 'integer') return bestInteger(of, low, high, points);

  const step = (high - low) / (points - 1);
  const valleys = (await scan(f, low, step, points)).slice(0, VALLEYS);
  const finer: Place[] = [];
  for (const { t } of valleys) {
    const from = Math.max(low, t - step);
    const width = (Math.min(high, t + step) - from) / FINER;
    const [best] = await scan(f, from, width, FINER + 1);
    if (best) finer.push(best);
  }
  const bottoms: Place[] = [];
  for (const { t } of finer.sort(byDepth).slice(0, 2)) {
    const width = (2 * step) / FINER;
    const tolerance = PRECISION * (scale === 'log' ? 1 : Math.max(Math.abs(t), 1e-3 * (high - low)));
    bottoms.push(await goldenSection(f, Math.max(low, t - width), Math.min(high, t + width), tolerance));
  }
  const [deepest] = bottoms.sort(byDepth);
  return valueAt(deepest?.t ?? low);
}

/** The value of the smallest objective near one that is known to be close: within a factor, or on a linear scale within a share of it. */
export async function polish({ range, scale, of }: Objective, value: number, reach: number): Promise<number> {
  if (scale === 'integer') return value;
  const isLog = scale === 'log';
  const f = (t: number) => of(isLog ? value * Math.exp(t) : value + t);
  const unit = isLog ? 1 : Math.max(Math.abs(value), 1e-3 * (range[1] - range[0]));
  const { t } = await goldenSection(f, -reach * unit, reach * unit, PRECISION * unit);
  return isLog ? value * Math.exp(t) : value + t;
}

interface Place {
  readonly t: number;
  readonly depth: number;
}

const FINER = 12;
const byDepth = (a: Place, b: Place) => a.depth - b.depth;

/** The local minima among evenly spaced places, deepest first. */
async function scan(f: (t: number) => Promise<number>, from: number, step: number, count: number): Promise<Place[]> {
  const places: Place[] = [];
  for (let i = 0; i < count; i++) places.push({ t: from + i * step, depth: await f(from + i * step) });
  const depthAt = (i: number) => places[i]?.depth ?? Number.POSITIVE_INFINITY;
  // A plateau counts once, at its left end.
  return places.filter(({ depth }, i) => depth < depthAt(i - 1) && depth <= depthAt(i + 1)).sort(byDepth);
}

/** Tries every integer; if there are too many, every so many at first, then ever closer ones around the best. */
async function bestInteger(
  of: (value: number) => Promise<number>,
  low: number,
  high: number,
  points: number,
): Promise<number> {
  let best: Place = { t: low, depth: Number.POSITIVE_INFINITY };
  let [from, to] = [Math.ceil(low), Math.floor(high)];
  for (let step = Math.ceil((to - from + 1) / points); ; step = Math.ceil(step / FINER)) {
    for (let t = from; t <= to; t += step) {
      const depth = await of(t);
      if (depth < best.depth) best = { t, depth };
    }
    if (step === 1) return best.t;
    [from, to] = [Math.max(from, best.t - step), Math.min(to, best.t + step)];
  }
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

async function goldenSection(
  f: (t: number) => Promise<number>,
  low: number,
  high: number,
  tolerance: number,
): Promise<Place> {
  let [a, b] = [low, high];
  let left: Place = { t: b - GOLDEN * (b - a), depth: 0 };
  let right: Place = { t: a + GOLDEN * (b - a), depth: 0 };
  left = { ...left, depth: await f(left.t) };
  right = { ...right, depth: await f(right.t) };
  while (b - a > tolerance) {
    if (left.depth <= right.depth) {
      [b, right] = [right.t, left];
      const t = b - GOLDEN * (b - a);
      left = { t, depth: await f(t) };
    } else {
      [a, left] = [left.t, right];
      const t = a + GOLDEN * (b - a);
      right = { t, depth: await f(t) };
    }
  }
  return left.depth <= right.depth ? left : right;
}

/** Whether somebody may have written a value into a program: it has four digits at the most. @example isRound(500000), !isRound(9960.101) */
export const isRound = (value: number): boolean => Number(value.toPrecision(4)) === value;

/**
 * Rounder values near one that was found, roundest first: what somebody would have written into a program.
 *
 * @example roundValues(9999.93) // [10000]
 */
export function roundValues(value: number): number[] {
  if (value === 0 || !Number.isFinite(value)) return [];
  const power = 10 ** Math.round(Math.log10(Math.abs(value))) * Math.sign(value);
  const rounded = [power, ...[1, 2, 3, 4].map((digits) => Number(value.toPrecision(digits)))];
  return [...new Set(rounded.map((x) => Number(x.toPrecision(4))))].filter((x) => x !== value);
}

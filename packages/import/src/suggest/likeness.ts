import { type Columns, cutColumns } from '../shape/columns.js';

/** How one row, or several, are like others. */
export interface Likeness {
  /** `halves`: each head in half-split order, as Hugging Face has Q and K. */
  readonly kind: 'equal' | 'halves' | 'order' | 'scale';
  /** ‖a − b‖ / ‖b‖, once `b` is scaled, or both are sorted. */
  readonly error: number;
  /** What the other side's values are multiplied with. */
  readonly scale: number;
}

/**
 * What is taken for the same. Two stages of one model are apart by more than a half; two sorted ones of one size are near each other, and so these have to be nearer
 * than what 16 bits leave: a known order is told from any other by its values in their places, as rows in no order are.
 */
export const MOST = { equal: 0.02, halves: 0.02, order: 0.002, scale: 0.005, sum: 0.02 } as const;
/** The next best must be so many times as far away. */
export const MARGIN = 5;
/** An array that two stages are in sum is no third one that is this many times as far: where what one of them adds is small, it is near that, too. */
export const NEARER = 2;
/** Of fewer values anything may be like anything. */
export const LEAST_WIDTH = 8;

/** Of the values of a head. */
const LEAST_HEAD = 4;
const MOST_HEAD = 1024;

/** In all ways in which rows of one shape may be like each other, the plainest first. @param width of a row: orders are told within one */
export function likenesses(a: Float32Array, b: Float32Array, width: number): readonly Likeness[] {
  let [dot, aa, bb, delta] = [0, 0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Number.isNaN(y)) continue; // what the mask of scores hides
    dot += x * y;
    aa += x * x;
    bb += y * y;
    delta += (x - y) * (x - y);
  }
  if (!(bb > 0 && Number.isFinite(aa))) return [];
  const scale = dot / bb;
  const scaled = Math.sqrt(Math.max(0, aa / bb - scale * scale)) / Math.abs(scale);
  return [
    { kind: 'equal', error: Math.sqrt(delta / bb), scale: 1 },
    ...(Math.abs(aa / bb - 1) < 2.5 * MOST.halves ? inHalves(a, b, width, bb) : []),
    // A norm scales each row by itself: one row alone does not tell.
    ...(a.length > width ? [{ kind: 'scale', error: scaled, scale } as const] : []),
    ...(Math.abs(aa / bb - 1) < 0.01 ? [{ kind: 'order', error: sorted(a, b, width), scale: 1 } as const] : []),
  ];
}

/** As heads in half-split order, of the size that fits best; none where none does. @param bb ‖b‖² */
function inHalves(a: Float32Array, b: Float32Array, width: number, bb: number): readonly Likeness[] {
  let least = MOST.halves ** 2 * bb;
  let isFound = false;
  for (let dim = LEAST_HEAD; dim <= Math.min(width, MOST_HEAD); dim += 2) {
    if (width % dim > 0) continue;
    const delta = distanceInHalves(a, b, dim, least);
    if (!(delta <= least)) continue;
    least = delta;
    isFound = true;
  }
  return isFound ? [{ kind: 'halves', error: Math.sqrt(least / bb), scale: 1 }] : [];
}

/** ‖a − b‖² where `b` has the values of a pair side by side and `a` half a head apart, or anything above `most` where it is more. */
function distanceInHalves(a: Float32Array, b: Float32Array, dim: number, most: number): number {
  let delta = 0;
  for (let i = 0; i < b.length && delta <= most; i++) {
    const inHead = i % dim;
    const at = i - inHead + (inHead >> 1) + (inHead % 2) * (dim / 2);
    delta += ((a[at] as number) - (b[i] as number)) ** 2;
  }
  return delta;
}

function sorted(a: Float32Array, b: Float32Array, width: number): number {
  let [delta, all] = [0, 0];
  for (let at = 0; at < b.length; at += width) {
    const [one, other] = [a.slice(at, at + width).sort(), b.slice(at, at + width).sort()];
    for (let i = 0; i < width; i++) {
      const y = other[i] as number;
      if (Number.isNaN(y)) return Number.POSITIVE_INFINITY;
      delta += ((one[i] as number) - y) ** 2;
      all += y * y;
    }
  }
  return Math.sqrt(delta / all);
}

/** Which columns of a longer row are a shorter one; undefined where none are. */
export function columnsLike(long: Float32Array, short: Float32Array): Columns | undefined {
  const all = squares(short);
  if (!(all > 0)) return undefined;
  const from = placeOf(long, short, long.length, MOST.equal ** 2 * all);
  return from === undefined ? undefined : { from, to: from + short.length };
}

/** The same of a shorter row that lies in pieces, equally far from each other, as K does where one product makes a Q, a K and a V for each head. */
export function columnsInPieces(long: Float32Array, short: Float32Array): Columns | undefined {
  const all = squares(short);
  if (!(all > 0)) return undefined;
  const most = MOST.equal ** 2 * all;
  for (let pieces = 2; short.length / pieces >= LEAST_WIDTH; pieces++) {
    if (long.length % pieces > 0 || short.length % pieces > 0) continue;
    const [every, length] = [long.length / pieces, short.length / pieces];
    const from = placeOf(long, short.subarray(0, length), every, most);
    if (from === undefined) continue;
    const columns = { from, to: from + length, every };
    if (distance(cutColumns(long, long.length, columns), short, most) <= most) return columns;
  }
  return undefined;
}

/** From which column on a longer row is a shorter one. @param end the shorter one ends before it @param most how far it may be, squared */
function placeOf(long: Float32Array, short: Float32Array, end: number, most: number): number | undefined {
  for (let from = 0; from + short.length <= end; from++) {
    if (distance(long.subarray(from, from + short.length), short, most) <= most) return from;
  }
  return undefined;
}

/** ‖a − b‖², or anything above `most` where it is more. */
function distance(a: Float32Array, b: Float32Array, most: number): number {
  let delta = 0;
  for (let i = 0; i < b.length && delta <= most; i++) delta += ((a[i] as number) - (b[i] as number)) ** 2;
  return delta;
}

/** The same of heads in half-split order. */
export function columnsInHalves(long: Float32Array, short: Float32Array): Columns | undefined {
  const all = squares(short);
  if (!(all > 0)) return undefined;
  const width = short.length;
  for (let from = 0; from + width <= long.length; from++) {
    if (inHalves(long.subarray(from, from + width), short, width, all).length > 0) return { from, to: from + width };
  }
  return undefined;
}

/** The same in another order: of those columns that have the length of the shorter row, the nearest. */
export function columnsSorted(long: Float32Array, short: Float32Array): Columns | undefined {
  const width = short.length;
  const all = squares(short);
  if (!(all > 0)) return undefined;
  let best: { readonly columns: Columns; readonly error: number } | undefined;
  let length = squares(long.subarray(0, width));
  for (let from = 0; from + width <= long.length; from++) {
    if (Math.abs(length / all - 1) < 0.01) {
      const error = sorted(long.subarray(from, from + width), short, width);
      if (error <= MOST.order && error < (best?.error ?? Number.POSITIVE_INFINITY))
        best = { columns: { from, to: from + width }, error };
    }
    length += ((long[from + width] as number) ** 2 || 0) - (long[from] as number) ** 2;
  }
  return best?.columns;
}

function squares(row: Float32Array): number {
  let sum = 0;
  for (const value of row) sum += value * value;
  return sum;
}

/** A row and its length ‖row‖. */
export interface Measured {
  readonly row: Float32Array;
  readonly size: number;
}

export const measured = (row: Float32Array): Measured => ({ row, size: Math.sqrt(squares(row)) });

/**
 * How far two rows are from being a third in sum: ‖a + b − sum‖ to the smallest of the three, so that what is small beside the others is not anything.
 *
 * @param most what is wanted: Infinity where it is more
 */
export function sumError(a: Measured, b: Measured, sum: Measured, most: number): number {
  const least = Math.min(a.size, b.size, sum.size);
  const enough = (most * least) ** 2;
  if (!(enough > 0)) return Number.POSITIVE_INFINITY;
  let delta = 0;
  for (let i = 0; i < sum.row.length; i++) {
    delta += ((a.row[i] as number) + (b.row[i] as number) - (sum.row[i] as number)) ** 2;
    if (!(delta <= enough)) return Number.POSITIVE_INFINITY;
  }
  return Math.sqrt(delta) / least;
}

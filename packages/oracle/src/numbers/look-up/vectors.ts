/** Vectors within a flat tensor: vector i begins at `start(i)`, and its values lie `stride` apart. */
export interface Vectors {
  readonly values: ArrayLike<number>;
  readonly count: number;
  readonly length: number;
  readonly stride: number;
  start(index: number): number;
}

/** The rows, or a stretch of each. @param from where the stretch begins in a row */
export const rowsAs = (values: ArrayLike<number>, width: number, from = 0, length = width): Vectors => ({
  ...{ values, length, stride: 1, count: values.length / width },
  start: (i) => i * width + from,
});

/** The columns, top to bottom. */
export const columnsAs = (values: ArrayLike<number>, width: number): Vectors => ({
  ...{ values, count: width, length: values.length / width, stride: width },
  start: (i) => i,
});

/** One after another, such as the heads of all rows. */
export const piecesAs = (values: ArrayLike<number>, length: number): Vectors => ({
  ...{ values, length, stride: 1, count: values.length / length },
  start: (i) => i * length,
});

const valueAt = ({ values, start, stride }: Vectors, index: number, at: number): number =>
  values[start(index) + at * stride] as number;

/** How many sources of one vector are kept: more of them cannot be told apart anyway. */
const MOST_SOURCES = 64;

/**
 * Where each vector may come from: the others that hold the same values.
 *
 * @param within how far a value may be off, in units of √(RMS² + value²), the RMS being that of all sources
 * @returns the sources of each vector, ascending; none where it has a value that is no number, or nothing but zeros
 */
export function sourcesOf(vectors: Vectors, sources: Vectors, within: number): readonly number[][] {
  const size2 = meanSquare(sources);
  const key = keyOf(sources);
  const sorted = Array.from({ length: sources.count }, (_, index) => ({ index, value: valueAt(sources, index, key) }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.value - b.value);
  const mayBeOff = (value: number) => within * Math.sqrt(size2 + value * value);
  return Array.from({ length: vectors.count }, (_, i) => {
    const own = valueAt(vectors, i, key);
    if (!isSomething(vectors, i, within * Math.sqrt(size2))) return [];
    const found: number[] = [];
    for (let at = firstFrom(sorted, own - mayBeOff(own)); at < sorted.length; at++) {
      const { index, value } = sorted[at] as { index: number; value: number };
      if (value > own + mayBeOff(own)) break;
      if (isSame(vectors, i, sources, index, mayBeOff)) found.push(index);
      if (found.length === MOST_SOURCES) break;
    }
    return found.sort((a, b) => a - b);
  });
}

function isSame(a: Vectors, i: number, b: Vectors, j: number, mayBeOff: (value: number) => number): boolean {
  for (let at = 0; at < a.length; at++) {
    const value = valueAt(b, j, at);
    if (!(Math.abs(valueAt(a, i, at) - value) <= mayBeOff(value))) return false;
  }
  return true;
}

/** So many different values a vector must have: ones and zeros are the same anywhere. */
const DIFFERENT = 3;

/** Whether a vector is all numbers, and not zeros or ones alone. */
function isSomething(vectors: Vectors, i: number, zero: number): boolean {
  const different = new Set<number>();
  for (let at = 0; at < vectors.length; at++) {
    const value = valueAt(vectors, i, at);
    if (!Number.isFinite(value)) return false;
    const size = Math.abs(value);
    if (different.size < DIFFERENT && size > zero) different.add(Number(size.toPrecision(4)));
  }
  return different.size >= Math.min(DIFFERENT, vectors.length);
}

function meanSquare({ values }: Vectors): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    sum += value * value;
    count++;
  }
  return sum / Math.max(1, count);
}

/** A place where few vectors have the same value: one in the middle. */
const keyOf = ({ length }: Vectors): number => length >> 1;

function firstFrom(sorted: readonly { readonly value: number }[], least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as { value: number }).value < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

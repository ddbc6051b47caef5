/** How far the sick rows are from rows that could explain them. Sums are f64, over the values that are numbers on both sides. */
export interface Distance {
  /** ‖sick − other‖ / ‖other‖ */
  readonly rel: number;
  /** The largest ‖sick − other‖ / ‖other‖ of a row. */
  readonly row: number;
  /** The largest |sick − other|, over the RMS of `other`. */
  readonly value: number;
  /** ‖sick − other‖² */
  readonly delta2: number;
  /** ‖sick‖² */
  readonly sick2: number;
  /** Values that are a number on both sides. */
  readonly count: number;
  /** Values that are a number on one side only. */
  readonly unmatched: number;
}

/** What `rel`, `row` and `value` of a `Distance` may be at most. */
export type Limits = Readonly<Pick<Distance, 'rel' | 'row' | 'value'>>;

const LARGEST_SINGLE = 3.4028234663852886e38;

/**
 * Measures rows against others of the same shape.
 *
 * @param other (rows, width); in f64, so what a float32 cannot hold counts as infinite
 * @param hidden 1 for a value that the mask hides
 */
export function distance(
  sick: ArrayLike<number>,
  other: ArrayLike<number>,
  width: number,
  hidden?: Uint8Array,
): Distance {
  let [delta2, other2, sick2, count, unmatched, row, largest] = [0, 0, 0, 0, 0, 0, 0];
  for (let start = 0; start < sick.length; start += width) {
    let [rowDelta2, rowOther2] = [0, 0];
    for (let i = start; i < start + width; i++) {
      if (hidden?.[i]) continue;
      const x = sick[i] as number;
      const y = other[i] as number;
      const isNumber = x - x === 0;
      const wouldBeNumber = Math.abs(y) <= LARGEST_SINGLE;
      if (isNumber !== wouldBeNumber) unmatched++;
      if (!isNumber || !wouldBeNumber) continue;
      const delta = x - y;
      count++;
      rowDelta2 += delta * delta;
      rowOther2 += y * y;
      sick2 += x * x;
      if (Math.abs(delta) > largest) largest = Math.abs(delta);
    }
    delta2 += rowDelta2;
    other2 += rowOther2;
    row = Math.max(row, ratio(rowDelta2, rowOther2));
  }
  const value = largest === 0 ? 0 : largest / Math.sqrt(other2 / count);
  return { rel: ratio(delta2, other2), row, value, delta2, sick2, count, unmatched };
}

const ratio = (delta2: number, other2: number): number => (delta2 === 0 ? 0 : Math.sqrt(delta2 / other2));

/** The distance in limits: at most 1 if the rows are the same as a whole, row by row and value by value. */
export function inLimits(d: Distance, limits: Limits): number {
  if (d.unmatched > 0 || d.count === 0) return Number.POSITIVE_INFINITY;
  return Math.max(d.rel / limits.rel, d.row / limits.row, d.value / limits.value);
}

/** The part of the error that a reproduction leaves: ‖sick − reproduced‖ / ‖sick − right‖, or that part of the values that are not numbers. */
export function residue(reproduced: Distance, right: Distance): number {
  if (reproduced.count === 0) return Number.POSITIVE_INFINITY; // nothing was compared
  // If nothing but NaN and Inf was wrong, there is no error to take a part of: the rows themselves are the measure.
  const error2 = right.unmatched > 0 && right.delta2 < 1e-6 * right.sick2 ? right.sick2 : right.delta2;
  return Math.max(ratio(reproduced.delta2, error2), ratio(reproduced.unmatched ** 2, right.unmatched ** 2));
}

/**
 * Whether a reproduction is the cause: within the limits, which the right rows are not, and at least ten times closer than they are.
 */
export function isConfirmed(reproduced: Distance, right: Distance, limits: Limits): boolean {
  const isCloser = right.unmatched > 0 || isMostOfIt(reproduced, right);
  return inLimits(reproduced, limits) <= 1 && inLimits(right, limits) > 1 && isCloser;
}

/**
 * Whether a reproduction leaves no more than this share of the error, both of its size and of the relative delta. Either alone is
 * fooled: if the sick rows are huge, any huge reproduction is relatively close; if they vanish, any vanishing one leaves little.
 */
export function leavesAtMost(share: number, reproduced: Distance, right: Distance): boolean {
  const relBefore = right.unmatched > 0 ? Math.max(right.rel, 1) : right.rel;
  return residue(reproduced, right) <= share && reproduced.rel <= share * relBefore;
}

/** Whether a reproduction takes away nine tenths of the error. */
export const isMostOfIt = (reproduced: Distance, right: Distance): boolean => leavesAtMost(0.1, reproduced, right);

/** How much a head's scores fall with the distance between the two positions. */
export interface Alibi {
  readonly headCount: number;
  /** The steepest slope's exponent to the base ½, times the number of heads; 8 in the paper. */
  readonly maxAlibiBias: number;
}

/**
 * How much a score of a head falls for each position between the two: for n heads 2^(−8 · 1/n), 2^(−8 · 2/n), …, if n is a power of two. Else as
 * many heads as the next lower power have its slopes, and the others every second one of twice as many heads.
 *
 * @param head from 0
 * Source: Press et al. 2021, "Train Short, Test Long", arXiv:2108.12409 §3; of other numbers of heads: its code, `get_slopes`.
 * @example alibiSlope(0, { headCount: 8, maxAlibiBias: 8 }) // ½
 */
export function alibiSlope(head: number, { headCount, maxAlibiBias }: Alibi): number {
  const power = 2 ** Math.floor(Math.log2(headCount));
  return head < power
    ? 2 ** ((-maxAlibiBias * (head + 1)) / power)
    : 2 ** ((-maxAlibiBias * (2 * (head - power) + 1)) / (2 * power));
}

/**
 * What may be left of an error for a hypothesis to explain it, as RMS in units of the rows' RMS: rounding at the limit, or 2% of
 * the error. It must be well below the error and below the signal that the hypothesis predicts: near the limit everything is
 * rounding, and a small output of any shape is "nearly 0 times" the right one.
 */
export function mayRemain(error: number, signal: number, limit: number): number {
  const least = Math.min(error, signal);
  return Math.min(Math.max(limit, 0.02 * least), 0.25 * least);
}

/** The share of the wrong values that a hypothesis must explain each by itself: a few outliers can make up a sum of squares. */
export const MOST = 0.75;

/** Whether a wrong value is explained: what is left of its error is less than half of it. */
export const isExplained = (rest: number, error: number): boolean => Math.abs(rest) < Math.abs(error) / 2;

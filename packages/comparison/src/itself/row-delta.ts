import { MetricSums } from '@llama-probe/diff';
import { rowOfStage } from '@llama-probe/dump/stage';

export const areScores = (stage: string): boolean => rowOfStage(stage).row === 'scores';

/**
 * The scores of a row, (heads, n_kv), against no later position than its own: how many columns a pass has beyond them is its own affair.
 *
 * @returns undefined where the heads are not known, or do not fit
 */
export function seenScores(row: Float32Array, heads: number | undefined, position: number): Float32Array | undefined {
  if (!heads || row.length % heads !== 0 || row.length / heads <= position) return undefined;
  const nKv = row.length / heads;
  const seen = new Float32Array(heads * (position + 1));
  for (let head = 0; head < heads; head++)
    seen.set(row.subarray(head * nKv, head * nKv + position + 1), head * (position + 1));
  return seen;
}

/** How far a row is from the other: ‖a−b‖ / ‖b‖; infinite where one alone has NaN, and undefined where they cannot be compared. */
export function rowDelta(
  a: Float32Array,
  b: Float32Array,
  at: { readonly stage: string; readonly position: number; readonly heads: number | undefined },
): number | undefined {
  const scores = areScores(at.stage) && (a.length !== b.length || at.heads !== undefined);
  const cut = (row: Float32Array) => (scores ? seenScores(row, at.heads, at.position) : row);
  const [ours, theirs] = [cut(a), cut(b)];
  if (!ours || !theirs || ours.length !== theirs.length) return undefined;
  const sums = new MetricSums();
  sums.add(ours, theirs, at.position, () => false); // NaN in both is a mask, or the model's
  return sums.metrics().firstNonFinite ? Number.POSITIVE_INFINITY : (sums.rows[0]?.rel ?? 0);
}

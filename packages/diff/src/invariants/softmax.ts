import type { Deviation } from './findings.js';
import { show } from './findings.js';
import { TOLERANCES } from './tolerances.js';

/**
 * The probabilities of each head sum to 1.
 *
 * @param row (heads, n_kv) @param heads where they are not known, the sum of all is to be a number of heads
 * @example softMaxSum(Float32Array.of(0.5, 0.5, 0.5, 0.2), 2) // head 1: the row sums to 0.7, wanted 1
 */
export function softMaxSum(row: Float32Array, heads: number | undefined): Deviation | undefined {
  if (heads === undefined) return wholeSum(row);
  const nKv = row.length / heads;
  let worst: Deviation | undefined;
  for (let head = 0; head < heads; head++) {
    const found = sum(row.subarray(head * nKv, (head + 1) * nKv));
    const by = Math.abs(found - 1);
    if (by <= TOLERANCES['softmax-sum'] || (worst && worst.by >= by)) continue;
    worst = { by, found, wanted: 1, where: `head ${head}`, what: `the row sums to ${show(found)}, wanted 1` };
  }
  return worst;
}

function wholeSum(row: Float32Array): Deviation | undefined {
  if (headsFromSum(row) !== undefined) return undefined;
  const found = sum(row);
  const wanted = Math.max(1, Math.round(found));
  const what = `the row sums to ${show(found)}, wanted the number of heads, which divides its ${row.length} values`;
  return { by: Math.abs(found - wanted), found, wanted, what };
}

/** The heads that a row of probabilities must have, as each sums to 1; undefined where no number of heads fits. */
export function headsFromSum(row: Float32Array): number | undefined {
  const total = sum(row);
  const heads = Math.max(1, Math.round(total));
  // With many heads their roundings add up, but no further than where the next whole number begins to fit as well.
  const tolerance = Math.min(0.25, TOLERANCES['softmax-sum'] * heads);
  return Math.abs(total - heads) <= tolerance && row.length % heads === 0 ? heads : undefined;
}

/** Nothing goes to positions after the token's own. @param row (heads, n_kv), of the positions 0 … n_kv−1 */
export function softMaxMask(row: Float32Array, heads: number, token: number): Deviation | undefined {
  const nKv = row.length / heads;
  let worst: Deviation | undefined;
  for (let head = 0; head < heads; head++) {
    let found = 0;
    for (let i = head * nKv + token + 1; i < (head + 1) * nKv; i++) found += Math.abs(row[i] as number);
    if (found <= TOLERANCES['softmax-mask'] || (worst && worst.by >= found)) continue;
    const what = `${show(found)} of its attention goes to positions after its own, wanted 0: the mask does not hide them`;
    worst = { by: found, found, wanted: 0, where: `head ${head}`, what };
  }
  return worst;
}

/** A probability is between 0 and 1. */
export function softMaxRange(row: Float32Array): Deviation | undefined {
  let worst = -1;
  let by: number = TOLERANCES['softmax-range'];
  for (let i = 0; i < row.length; i++) {
    const value = row[i] as number;
    const outside = Math.max(-value, value - 1);
    if (outside > by) {
      by = outside;
      worst = i;
    }
  }
  if (worst < 0) return undefined;
  const found = row[worst] as number;
  const wanted = found < 0 ? 0 : 1;
  return { by, found, wanted, where: `index ${worst}`, what: `${show(found)} is no probability, wanted 0 to 1` };
}

function sum(values: Float32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}

import type { Region, WrongRow } from './region.js';
import { spread, unitsOf } from './units.js';
import type { Kind } from './where.js';

/** Wrong values that may be the right ones in another order. */
interface Pool {
  readonly candidate: Float32Array;
  readonly reference: Float32Array;
  /** The RMS that their errors are measured by. */
  readonly rms: number;
}

/** On how many rows sorting is tried before all are sorted. */
const ROWS = 4;

/** The right values in an order that is not known: sorted, both sides are the same within each head, each row, or over all rows. */
export function anyOrder(region: Region, limit: number): Kind | undefined {
  const { width, heads } = region;
  const rows = region.rows.filter(({ wrong }) => wrong.includes(1));
  for (const within of ['head', 'row'] as const) {
    if (within === 'head' && heads === 1) continue;
    const size = within === 'head' ? width / heads : width;
    const pools = (some: readonly WrongRow[]) =>
      unitsOf(some, size).map(({ row, start }) => poolOf([row], start, size));
    if (sameSorted(pools(spread(rows, ROWS)), limit) && sameSorted(pools(rows), limit)) {
      return { kind: 'permutation', within, order: null };
    }
  }
  if (rows.length > 1 && sameSums(region, limit) && sameSorted([poolOf(rows, 0, width)], limit)) {
    return { kind: 'permutation', within: 'values', order: null };
  }
  return undefined;
}

/**
 * Whether each pool holds the same values on both sides.
 *
 * Sorted, any n values of one distribution are alike to about 1/√n, and values with small errors to √(error/n): where that is
 * not far above the limit, the test says nothing.
 */
function sameSorted(pools: readonly Pool[], limit: number): boolean {
  const total = { n: 0, error2: 0, rest2: 0, spread2: 0 };
  for (const { candidate, reference, rms } of pools) {
    const mean = reference.reduce((sum, value) => sum + value, 0) / reference.length;
    total.error2 += distance2(candidate, reference) / rms ** 2;
    total.spread2 += reference.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rms ** 2;
    total.rest2 += distance2(candidate.sort(), reference.sort()) / rms ** 2;
    total.n += reference.length;
  }
  const error = Math.sqrt(total.error2 / total.n);
  const spread = Math.sqrt(total.spread2 / total.n);
  const byChance = spread * Math.sqrt(Math.min(1, error / spread) / (total.n / pools.length));
  return Math.min(error, byChance) >= 10 * limit && Math.sqrt(total.rest2 / total.n) <= limit;
}

/** Σ (a − b)² */
function distance2(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

/** The wrong values of a stretch of rows. */
function poolOf(rows: readonly WrongRow[], start: number, size: number): Pool {
  const wrong = rows.map((row) => row.wrong.subarray(start, start + size));
  const count = wrong.reduce((sum, flags) => sum + flags.reduce((n, flag) => n + flag, 0), 0);
  const pool = { candidate: new Float32Array(count), reference: new Float32Array(count) };
  let at = 0;
  rows.forEach(({ candidate, reference }, row) => {
    for (let i = 0; i < size; i++) {
      if (!wrong[row]?.[i]) continue;
      pool.candidate[at] = candidate[start + i] as number;
      pool.reference[at] = reference[start + i] as number;
      at++;
    }
  });
  return { ...pool, rms: Math.sqrt(rows.reduce((sum, { rms }) => sum + rms * rms, 0) / rows.length) };
}

/** Whether Σa = Σb and Σa² = Σb² as far as rounding lets them: sorting millions of values that cannot be the same takes seconds. */
function sameSums({ rows }: Region, limit: number): boolean {
  let [sum, sum2, size, size2] = [0, 0, 0, 0];
  for (const { candidate, reference, wrong } of rows) {
    for (let i = 0; i < wrong.length; i++) {
      if (!wrong[i]) continue;
      const a = candidate[i] as number;
      const b = reference[i] as number;
      sum += a - b;
      sum2 += a * a - b * b;
      size += Math.abs(b);
      size2 += b * b;
    }
  }
  return Math.abs(sum) <= 2 * limit * size && Math.abs(sum2) <= 4 * limit * size2;
}

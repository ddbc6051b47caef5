import { seenScores } from './row-delta.js';

/** How a row of scores is to be read. */
export interface ScoresOf {
  readonly heads: number | undefined;
  readonly limit: number;
}

/** Which columns, tokens that are looked at, differ by more than the limit allows in any head. @param row, other (heads, n_kv) of the pass of each */
export function columnsThatDiffer(row: Float32Array, other: Float32Array, about: ScoresOf, position: number): number[] {
  return differing(row, other, about, position, (column) => column);
}

/** Whether the wrong scores are those that the row has, in the other run, against a token's neighbour: always the same one. */
export function isShifted(row: Float32Array, other: Float32Array, about: ScoresOf, position: number): boolean {
  const wrong = columnsThatDiffer(row, other, about, position);
  if (wrong.length < 2) return false;
  return [-1, 1].some((by) => {
    const still = differing(row, other, about, position, (column) => column + by);
    const inside = wrong.filter((column) => column + by >= 0 && column + by <= position);
    return inside.length > 0 && inside.every((column) => !still.includes(column));
  });
}

function differing(
  row: Float32Array,
  other: Float32Array,
  { heads, limit }: ScoresOf,
  position: number,
  from: (column: number) => number,
): number[] {
  const [ours, theirs] = [seenScores(row, heads, position), seenScores(other, heads, position)];
  if (!ours || !theirs || !heads) return [];
  const count = position + 1;
  const size = Math.sqrt(theirs.reduce((sum, value) => sum + (value || 0) ** 2, 0) / theirs.length);
  return Array.from({ length: count }, (_, column) => column).filter((column) => {
    for (let head = 0; head < heads; head++) {
      const a = ours[head * count + column] as number;
      const b = theirs[head * count + from(column)] as number;
      if (from(column) < 0 || from(column) >= count) return true;
      if (Number.isNaN(a) && Number.isNaN(b)) continue;
      if (!(Math.abs(a - b) <= 10 * limit * size)) return true; // of one value, not of the row
    }
    return false;
  });
}

/** Which tokens a row of the softmax sees, in each of two runs; undefined where the heads are not known. */
export function seenIn(
  row: Float32Array,
  other: Float32Array,
  { heads }: ScoresOf,
): { readonly ours: readonly number[]; readonly theirs: readonly number[] } | undefined {
  if (!heads || row.length % heads !== 0 || other.length % heads !== 0) return undefined;
  const [ours, theirs] = [row, other].map((one) => {
    const nKv = one.length / heads;
    return Array.from({ length: nKv }, (_, column) => column).filter((column) =>
      Array.from({ length: heads }, (_, head) => one[head * nKv + column] as number).some((weight) => weight !== 0),
    );
  }) as [number[], number[]];
  return { ours, theirs };
}

/** Whether one of the two alone has NaN in a column: a mask that is written into the scores. */
export function isHiddenInOne(
  row: Float32Array,
  other: Float32Array,
  { heads = 1 }: ScoresOf,
  column: number,
): boolean {
  return Number.isNaN(row[column % (row.length / heads)]) !== Number.isNaN(other[column % (other.length / heads)]);
}

/**
 * Which values of each row a stage is: from the first column up to the last, which is not in it; with `every`, the same again so many
 * columns further on, and so to the end of the row.
 *
 * @example { from: 0, to: 64, every: 192 } // Q, where one product makes a Q, a K and a V of 64 for each head
 */
export interface Columns {
  readonly from: number;
  readonly to: number;
  readonly every?: number | undefined;
}

/** How many columns that is of rows of a width. */
export const countOf = ({ from, to, every }: Columns, width: number): number =>
  (to - from) * (every === undefined ? 1 : width / every);

/** Why rows of a width do not have such columns; undefined where they do. */
export function notOf({ from, to, every }: Columns, width: number): string | undefined {
  if (from >= to || to > width) return 'Give [from, to] inside of them.';
  if (every === undefined) return undefined;
  if (width % every > 0) return `Give an "every" that divides ${width}.`;
  return to > every ? `Give [from, to] within the first ${every} of them.` : undefined;
}

/** @param values (rows, width) @returns (rows, countOf) */
export function cutColumns(values: Float32Array, width: number, columns: Columns): Float32Array {
  const { from, to, every = width } = columns;
  const out = new Float32Array((values.length / every) * (to - from));
  for (let piece = 0; piece * every < values.length; piece++) {
    out.set(values.subarray(piece * every + from, piece * every + to), piece * (to - from));
  }
  return out;
}

/** All of them, of rows of a width. */
export function indicesOf({ from, to, every = Number.POSITIVE_INFINITY }: Columns, width: number): number[] {
  return Array.from({ length: width }, (_, i) => i).filter((i) => i % every >= from && i % every < to);
}

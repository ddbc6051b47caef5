/**
 * Where a head in half-split order has the value that GGUF has at `i`: neighbours 2j and 2j + 1 are j and j + dim / 2.
 *
 * @param dim values of a head, an even number
 * @example inHalves(3, 8) // 5
 */
export const inHalves = (i: number, dim: number): number => (i >> 1) + (i % 2) * (dim / 2);

/** Rows of heads side by side in half-split order, from rows with neighbours side by side. (heads · dim) */
export function rowInHalves(row: Float32Array, heads: number): Float32Array {
  const dim = row.length / heads;
  const halves = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) halves[i - (i % dim) + inHalves(i % dim, dim)] = row[i] as number;
  return halves;
}

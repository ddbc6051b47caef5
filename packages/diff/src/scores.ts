/**
 * The first `nKv` positions of each head of a row of scores; undefined where what is cut off is more than a mask, which is
 * NaN in `kq` and 0 in `kq_soft_max`.
 *
 * @param row (heads, n_kv of its pass)
 * @example firstPositions(Float32Array.of(1, NaN, 2, NaN), 2, 1) // [1, 2]
 */
export function firstPositions(row: Float32Array, heads: number, nKv: number): Float32Array | undefined {
  const own = row.length / heads;
  if (own === nKv) return row;
  const first = new Float32Array(heads * nKv);
  for (let head = 0; head < heads; head++) {
    first.set(row.subarray(head * own, head * own + nKv), head * nKv);
    for (let i = head * own + nKv; i < (head + 1) * own; i++) {
      if (row[i] !== 0 && !Number.isNaN(row[i])) return undefined;
    }
  }
  return first;
}

/**
 * The same row for a pass that has seen `nKv` positions: what is added is hidden.
 *
 * @param row (heads, n_kv of its pass) @param fill what hides: NaN in `kq`, 0 in `kq_soft_max`
 * @example withPositions(Float32Array.of(1, 2), 2, 2, 0) // [1, 0, 2, 0]
 */
export function withPositions(row: Float32Array, heads: number, nKv: number, fill: number): Float32Array {
  const own = row.length / heads;
  if (own === nKv) return row;
  const wide = new Float32Array(heads * nKv).fill(fill);
  for (let head = 0; head < heads; head++) wide.set(row.subarray(head * own, (head + 1) * own), head * nKv);
  return wide;
}

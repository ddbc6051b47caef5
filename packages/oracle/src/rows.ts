/** Applies `f` to each row of a flat (rows, width) tensor. */
export function mapRows(
  x: Float64Array,
  width: number,
  f: (row: Float64Array, index: number) => ArrayLike<number>,
): Float64Array {
  const y: Float64Array[] = [];
  for (let i = 0; i * width < x.length; i++) y.push(Float64Array.from(f(x.subarray(i * width, (i + 1) * width), i)));
  return concat(y);
}

/** The rows one after another, in one flat tensor. */
export function concat(rows: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(rows.reduce((length, row) => length + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** Row `index` of a flat (rows, width) tensor: a view, not a copy. */
export const rowOf = (x: Float64Array, width: number, index: number): Float64Array =>
  x.subarray(index * width, (index + 1) * width);

/** Σ aᵢ·bᵢ. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

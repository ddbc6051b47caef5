/**
 * The x for which A · x is nearest to b, by the normal equations; undefined where they have no one solution.
 *
 * @param rows A, (equations, unknowns) @param b (equations)
 * @example leastSquares([Float64Array.of(1, 0), Float64Array.of(0, 2), Float64Array.of(1, 2)], [1, 4, 5]) // [1, 2]
 */
export function leastSquares(rows: readonly Float64Array[], b: readonly number[]): Float64Array | undefined {
  const n = rows[0]?.length ?? 0;
  const matrix = Array.from({ length: n }, () => new Float64Array(n + 1));
  rows.forEach((row, at) => {
    for (let i = 0; i < n; i++) {
      const own = matrix[i] as Float64Array;
      for (let j = 0; j < n; j++) own[j] = (own[j] as number) + (row[i] as number) * (row[j] as number);
      own[n] = (own[n] as number) + (row[i] as number) * (b[at] as number);
    }
  });
  return solve(matrix);
}

/** By Gauss's elimination with pivots. @param matrix (n, n + 1) */
function solve(matrix: Float64Array[]): Float64Array | undefined {
  const n = matrix.length;
  const size = matrix.reduce((most, row, i) => Math.max(most, Math.abs(row[i] as number)), 0);
  for (let at = 0; at < n; at++) {
    let pivot = at;
    for (let i = at + 1; i < n; i++)
      if (Math.abs(matrix[i]?.[at] as number) > Math.abs(matrix[pivot]?.[at] as number)) pivot = i;
    [matrix[at], matrix[pivot]] = [matrix[pivot] as Float64Array, matrix[at] as Float64Array];
    const own = matrix[at] as Float64Array;
    if (!(Math.abs(own[at] as number) > 1e-10 * size)) return undefined;
    for (let i = 0; i < n; i++) {
      const row = matrix[i] as Float64Array;
      const times = (row[at] as number) / (own[at] as number);
      if (i === at || times === 0) continue;
      for (let j = at; j <= n; j++) row[j] = (row[j] as number) - times * (own[j] as number);
    }
  }
  return Float64Array.from(matrix, (row, i) => (row[n] as number) / (row[i] as number));
}

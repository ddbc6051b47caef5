import { dot, mapRows, rowOf } from './rows.js';

/**
 * The product with a weight that is stored by output: y = x · Wᵀ.
 *
 * @param x (tokens, columns) @param weight (rows, columns), dequantised @returns (tokens, rows)
 * @example matMul(Float64Array.of(1, 2), Float64Array.of(1, 0, 0, 1, 1, 1), 2) // [1, 2, 3]
 */
export function matMul(x: Float64Array, weight: Float64Array, columns: number): Float64Array {
  const rows = Array.from({ length: weight.length / columns }, (_, i) => rowOf(weight, columns, i));
  return mapRows(x, columns, (token) => rows.map((row) => dot(token, row)));
}

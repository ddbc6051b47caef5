import { mapRows } from './rows.js';

/**
 * The residual connection: a + b.
 *
 * @param a (tokens, width) @param b (tokens, width) @returns (tokens, width)
 * Source: He et al. 2015, "Deep Residual Learning", arXiv:1512.03385.
 * @example add(Float64Array.of(1, 2), Float64Array.of(10, 20)) // [11, 22]
 */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + (b[i] as number));
}

/**
 * Adds the same bias to every row.
 *
 * @param x (tokens, width) @param bias (width) @returns (tokens, width)
 * @example addBias(Float64Array.of(1, 2, 3, 4), Float64Array.of(10, 20)) // [11, 22, 13, 24]
 */
export function addBias(x: Float64Array, bias: Float64Array): Float64Array {
  return mapRows(x, bias.length, (row) => row.map((value, i) => value + (bias[i] as number)));
}

/**
 * Multiplies every row by the same weight: the second half of a norm.
 *
 * @param x (tokens, width) @param weight (width) @returns (tokens, width)
 * @example mul(Float64Array.of(1, 2, 3, 4), Float64Array.of(10, 20)) // [10, 40, 30, 80]
 */
export function mul(x: Float64Array, weight: Float64Array): Float64Array {
  return mapRows(x, weight.length, (row) => row.map((value, i) => value * (weight[i] as number)));
}

import { dot, mapRows } from './rows.js';

/**
 * Divides each row by its root mean square: x / √(mean(x²) + ε). The weight is a step of its own, `mul`.
 *
 * @param x (tokens, width) @returns (tokens, width)
 * Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467.
 * @example rmsNorm(Float64Array.of(3, 4), 2, 0) // [3 / √12.5, 4 / √12.5]
 */
export function rmsNorm(x: Float64Array, width: number, epsilon: number): Float64Array {
  return mapRows(x, width, (row) => {
    const meanSquare = dot(row, row) / width;
    return row.map((value) => value / Math.sqrt(meanSquare + epsilon));
  });
}

import { type Precision, rounded } from '@llama-probe/dump/precision';
import { inputOf, operationOf, type StageCase, weightName } from '../case.js';
import { add, dot, mapRows, mul } from '../operations.js';
import type { NormVariation, Variation } from '../variation.js';
import { vectorOf, weightOf } from './weight.js';

/**
 * attn_rms, ffn_rms, result_rms: x / √(mean(x²) + ε), row by row. A LayerNorm subtracts the mean of the row first.
 *
 * @returns (rows, n_embd)
 * Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467, equation 4; LayerNorm: Ba et al. 2016,
 * arXiv:1607.06450, equation 3.
 * @example computeNorm(c, { norm: { epsilon: 1e-6 } })
 */
export function computeNorm(c: StageCase, v: Variation): Float64Array {
  const n = v.norm ?? {};
  const x = movedBy(inputOf(c, 0), n.offset);
  const { embeddingLength: width, rmsEpsilon } = c.model.config;
  if (n.skipped) return x.slice();
  const epsilon = n.epsilon ?? rmsEpsilon;
  const square = dot(x, x) / x.length;
  const isCentred = n.mean ? n.mean === 'subtracted' : operationOf(c).op === 'layer-norm';
  return mapRows(x, width, (row) => {
    const centred = isCentred ? without(row, row.reduce((sum, value) => sum + value) / width) : row;
    const divisor = root(n.square === 'of-all-rows' ? square : underRoot(centred, n), epsilon, n);
    return centred.map((value) => value / divisor);
  });
}

/** Values from so many places further on; 0 where there are none. */
const movedBy = (x: Float64Array, offset = 0): Float64Array => (offset === 0 ? x : x.map((_, i) => x[i + offset] ?? 0));

const without = (row: Float64Array, mean: number): Float64Array => row.map((value) => value - mean);

function underRoot(row: Float64Array, { square, accumulate }: NormVariation): number {
  const sum = accumulate ? roundedSquares(row, accumulate) : dot(row, row);
  return square === 'sum' ? sum : sum / row.length;
}

function roundedSquares(row: Float64Array, precision: Precision): number {
  let sum = 0;
  for (const value of row) sum = rounded(sum + rounded(value * value, precision), precision);
  return sum;
}

const root = (square: number, epsilon: number, { epsilonPlace }: NormVariation): number =>
  epsilonPlace ? Math.sqrt(square) + epsilon : Math.sqrt(square + epsilon);

/**
 * attn_norm, ffn_norm, result_norm: each column times its weight.
 *
 * @returns (rows, n_embd)
 * Source: Zhang & Sennrich 2019, arXiv:1910.07467, equation 4 (there: the gain g).
 * @example computeNormWeight(c, { norm: { weight: 'twice' } }) // times w²
 */
export function computeNormWeight(c: StageCase, v: Variation): Float64Array {
  const { weight, other } = v.norm ?? {};
  const x = inputOf(c, 0);
  const w = vectorOf(weightOf(c.model, other ?? (weightName(c) as string)));
  switch (weight) {
    case 'missing':
      return x.slice();
    case 'twice':
      return mul(mul(x, w), w);
    case 'plus-one':
      return add(mul(x, w), x);
    case 'added':
      return mapRows(x, w.length, (row) => add(row, w));
    default:
      return mul(x, w);
  }
}

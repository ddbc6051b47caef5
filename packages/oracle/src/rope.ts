import { mapRows } from './operations.js';
import { type Yarn, yarnMagnitude, yarnScale } from './yarn.js';

/** How positions become angles. */
export interface Rotation {
  readonly headDim: number;
  readonly ropeFreqBase: number;
  /** 1 / factor of linear scaling (position interpolation); 1 without. */
  readonly ropeFreqScale: number;
  /** The rope_freqs.weight of Llama 3: what slows down each pair. (headDim / 2) */
  readonly factors?: ArrayLike<number> | undefined;
  /** YaRN: then ropeFreqScale is that of the slow pairs. */
  readonly ropeYarn?: Yarn | undefined;
  /** Which values of a head are turned with each other: 2j and 2j + 1 (without it), or j and j + headDim / 2. */
  readonly ropePairs?: 'neighbours' | 'halves' | undefined;
}

/**
 * The angle of a pair at a position, in radians: position · base^(−2·pair / headDim) · scale / factor.
 *
 * Source: Su et al. 2021, "RoFormer", arXiv:2104.09864 §3.2.2; the scale: Chen et al. 2023, arXiv:2306.15595.
 * @example ropeAngle(7, 0, { headDim: 64, ropeFreqBase: 10000, ropeFreqScale: 1 }) // 7
 */
export function ropeAngle(position: number, pair: number, r: Rotation): number {
  const scale = r.ropeYarn ? yarnScale(pair, r.ropeYarn, r) : r.ropeFreqScale;
  const frequency = r.ropeFreqBase ** ((-2 * pair) / r.headDim) * scale;
  return (position * frequency) / (r.factors?.[pair] ?? 1);
}

/** What a rotation multiplies by beside turning: 1, but for YaRN's. */
export const ropeMagnitude = ({ ropeYarn, ropeFreqScale }: Pick<Rotation, 'ropeYarn' | 'ropeFreqScale'>): number =>
  ropeYarn ? yarnMagnitude(ropeYarn, ropeFreqScale) : 1;

/**
 * Turns each pair of every head by the angle of its row's position. llama.cpp permutes Q and K of the llama architecture when it
 * converts a model, so that its pairs are neighbours, (x₀, x₁), (x₂, x₃), …; other architectures keep them in the halves of a head.
 *
 * @param x (rows, heads · headDim) @param width heads · headDim @param firstPosition of the first row @returns as x
 * Source: Su et al. 2021, "RoFormer", arXiv:2104.09864, equation 34.
 * @example rope(Float64Array.of(1, 0), 2, 1, { headDim: 2, ropeFreqBase: 10000, ropeFreqScale: 1 }) // [cos 1, sin 1]
 */
export function rope(x: Float64Array, width: number, firstPosition: number, r: Rotation): Float64Array {
  const magnitude = ropeMagnitude(r);
  return mapRows(x, width, (row, index) =>
    row.map((value, i) => {
      const [half, at] = [r.headDim / 2, i % r.headDim];
      const halves = r.ropePairs === 'halves';
      const [pair, isFirst] = halves ? [at % half, at < half] : [at >> 1, at % 2 === 0];
      const angle = ropeAngle(firstPosition + index, pair, r);
      const other = row[i + (isFirst ? 1 : -1) * (halves ? half : 1)] as number;
      return magnitude * (value * Math.cos(angle) + (isFirst ? -other : other) * Math.sin(angle));
    }),
  );
}

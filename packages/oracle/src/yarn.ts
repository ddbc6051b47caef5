/** YaRN: fast pairs turn as before, slow ones with the position divided by a factor, and in between the two are mixed. */
export interface Yarn {
  /** The context that the model was trained on before it was stretched. */
  readonly originalContext: number;
  /** A pair that turns more often than this over that context is a fast one. */
  readonly betaFast: number;
  /** One that turns less often than this is a slow one. */
  readonly betaSlow: number;
  /** What Q and K are multiplied by, beside 1 + 0.1 · ln(factor). */
  readonly attnFactor: number;
}

/** What the angle of YaRN is taken of. */
interface Turning {
  readonly headDim: number;
  readonly ropeFreqBase: number;
  /** 1 / factor */
  readonly ropeFreqScale: number;
}

/**
 * What the position is multiplied by for a pair: 1 for a fast one, 1 / factor for a slow one. The bounds are whole pairs, as in ggml.
 *
 * Source: Peng et al. 2023, "YaRN", arXiv:2309.00071 §3.2; ggml's ggml_rope_yarn_corr_dims and rope_yarn_ramp.
 * @example yarnScale(0, yarn, { headDim: 16, ropeFreqBase: 10000, ropeFreqScale: 0.25 }) // 1: it turns once in 2π positions
 */
export function yarnScale(pair: number, yarn: Yarn, { headDim, ropeFreqBase, ropeFreqScale }: Turning): number {
  const pairThatTurns = (times: number): number =>
    (headDim * Math.log(yarn.originalContext / (times * 2 * Math.PI))) / (2 * Math.log(ropeFreqBase));
  const first = Math.max(0, Math.floor(pairThatTurns(yarn.betaFast)));
  const last = Math.min(headDim - 1, Math.ceil(pairThatTurns(yarn.betaSlow)));
  const slow = Math.min(1, Math.max(0, (pair - first) / Math.max(0.001, last - first)));
  return ropeFreqScale * slow + (1 - slow);
}

/**
 * What YaRN multiplies Q and K by beside turning them.
 *
 * Source: Peng et al. 2023, arXiv:2309.00071, equation 22: √(1 / t) = 0.1 · ln(factor) + 1.
 * @example yarnMagnitude({ ...yarn, attnFactor: 1 }, 1 / 4) // 1.1386
 */
export const yarnMagnitude = ({ attnFactor }: Yarn, ropeFreqScale: number): number =>
  attnFactor * (1 + 0.1 * Math.log(1 / ropeFreqScale));

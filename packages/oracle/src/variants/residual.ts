import { inputOf, operationOf, type StageCase, tensorName } from '../case.js';
import { mul, rmsNorm } from '../operations.js';
import type { Variation } from '../variation.js';
import { vectorOf, weightOf } from './weight.js';

/**
 * ffn_inp, l_out: the residual stream plus what attention or the feed-forward half adds.
 *
 * @returns (rows, n_embd)
 * Source: He et al. 2015, "Deep Residual Learning", arXiv:1512.03385.
 * @example computeResidual(c, { residual: { times: 0 } }) // attn_out alone
 */
export function computeResidual(c: StageCase, v: Variation): Float64Array {
  const { times = 1, branch = 1, overwritten } = v.residual ?? {};
  const [added, stream] = [inputOf(c, 0), inputOf(c, 1)];
  const { embeddingLength, rmsEpsilon } = c.model.config;
  const norm = (x: Float64Array): Float64Array => {
    const rms = rmsNorm(x, embeddingLength, rmsEpsilon);
    if (overwritten === 'rms') return rms;
    return mul(rms, vectorOf(weightOf(c.model, tensorName(c, operationOf(c).norm as string))));
  };
  const residual = overwritten ? norm(stream) : stream;
  return residual.map((value, i) => times * value + branch * (added[i] as number));
}

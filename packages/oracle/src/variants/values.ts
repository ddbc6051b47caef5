import { kqv } from '../attention.js';
import { attentionOf, inputOf, type StageCase } from '../case.js';
import type { AttentionVariation, Variation } from '../variation.js';
import { headOrder } from './order.js';
import { cacheOf } from './scores.js';

/**
 * kqv_out: the cached values, weighted by each head's probabilities.
 *
 * @returns (rows, heads · headDim)
 * Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1; Ainslie et al. 2023, arXiv:2305.13245.
 * @example computeValues(c, { attention: { layout: 'read-transposed' } })
 */
export function computeValues(c: StageCase, v: Variation): Float64Array {
  const variation = v.attention ?? {};
  const a = attentionOf(c);
  const values = cacheOf(c, variation);
  const seen = variation.weighs === 'all' ? { firstPosition: values.length, window: undefined } : {};
  const y = kqv(inputOf(c, 0), values, { ...a, ...seen, headCountKv: a.headCount });
  return variation.order ? reordered(y, c, variation.order) : y;
}

function reordered(y: Float64Array, c: StageCase, order: NonNullable<AttentionVariation['order']>): Float64Array {
  const { headCount, headCountKv, headDim } = c.model.config;
  const width = headCount * headDim;
  if (order === 'heads-first') {
    return y.map((_, i) => {
      const [head, row] = [Math.floor(i / (c.rows * headDim)), Math.floor(i / headDim) % c.rows];
      return y[row * width + head * headDim + (i % headDim)] as number;
    });
  }
  const from = headOrder(order, width, headCount, headCountKv);
  return y.map((_, i) => y[i - (i % width) + (from[i % width] as number)] as number);
}

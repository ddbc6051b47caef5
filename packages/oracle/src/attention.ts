import { concat, dot, mapRows, rowOf } from './operations.js';

/** How heads share the cache, and which positions a row may see. */
export interface Attention {
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headDim: number;
  /** The position of the first row. Row t sees the positions 0 … firstPosition + t. */
  readonly firstPosition: number;
  /** Row t sees no more than so many of them, the last; all without it. */
  readonly window?: number | undefined;
}

/** The KV head of a query head: consecutive query heads share one (Ainslie et al. 2023, "GQA", arXiv:2305.13245). */
export const kvHeadOf = (head: number, a: Attention): number => Math.floor(head / (a.headCount / a.headCountKv));

/**
 * Whether a row sees a position: causality (Vaswani et al. 2017, arXiv:1706.03762 §3.2.3), and a sliding window (Beltagy et al. 2020,
 * arXiv:2004.05150 §3.1).
 */
export function isSeen(row: number, position: number, { firstPosition, window }: Attention): boolean {
  const own = firstPosition + row;
  return position <= own && (window === undefined || position > own - window);
}

/**
 * The scores q · k of every head for every position, not yet scaled; NaN for what the row must not see.
 *
 * @param q (rows, heads · headDim) @param k (n_kv, kvHeads · headDim): the cache @returns (rows, heads · n_kv)
 * Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, equation 1.
 * @example kq(q, kCache, { headCount: 4, headCountKv: 2, headDim: 64, firstPosition: 0 })
 */
export function kq(q: Float64Array, k: Float64Array, a: Attention): Float64Array {
  const nKv = k.length / (a.headCountKv * a.headDim);
  const head = (cache: Float64Array, position: number, kvHead: number) =>
    rowOf(cache, a.headDim, position * a.headCountKv + kvHead);
  const rows: Float64Array[] = [];
  for (let row = 0; row < q.length / (a.headCount * a.headDim); row++) {
    for (let h = 0; h < a.headCount; h++) {
      const query = rowOf(q, a.headDim, row * a.headCount + h);
      const score = (position: number) =>
        isSeen(row, position, a) ? dot(query, head(k, position, kvHeadOf(h, a))) : Number.NaN;
      rows.push(Float64Array.from({ length: nKv }, (_, position) => score(position)));
    }
  }
  return concat(rows);
}

/**
 * softmax(scale · score) of every head over the positions that the row sees; 0 for the others.
 *
 * @param scores (rows, heads · n_kv) @param scale 1 / √headDim @returns as scores
 * Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1. The maximum is subtracted first: it cancels, and nothing overflows.
 * @example softMax(Float64Array.of(0, Math.log(3)), 2, 1, { headCount: 1, headCountKv: 1, headDim: 1, firstPosition: 1 }) // [¼, ¾]
 */
export function softMax(scores: Float64Array, nKv: number, scale: number, a: Attention): Float64Array {
  return mapRows(scores, nKv, (ofHead, i) => {
    const row = Math.floor(i / a.headCount);
    const logits = ofHead.map((score, position) =>
      isSeen(row, position, a) ? scale * score : Number.NEGATIVE_INFINITY,
    );
    const highest = logits.reduce((x, y) => Math.max(x, y));
    const powers = logits.map((logit) => Math.exp(logit - highest));
    const sum = powers.reduce((x, y) => x + y);
    return powers.map((power) => power / sum);
  });
}

/**
 * The values of the cache, weighted by each head's probabilities.
 *
 * @param p (rows, heads · n_kv) @param v (n_kv, kvHeads · headDim): the cache @returns (rows, heads · headDim)
 * Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
 * @example kqv(softMax(scores, nKv, scale, a), vCache, a)
 */
export function kqv(p: Float64Array, v: Float64Array, a: Attention): Float64Array {
  const nKv = v.length / (a.headCountKv * a.headDim);
  return mapRows(p, nKv, (weights, i) => {
    const kvHead = kvHeadOf(i % a.headCount, a);
    const sum = new Float64Array(a.headDim);
    weights.forEach((weight, position) => {
      if (!isSeen(Math.floor(i / a.headCount), position, a)) return;
      const value = rowOf(v, a.headDim, position * a.headCountKv + kvHead);
      for (let d = 0; d < a.headDim; d++) sum[d] = (sum[d] as number) + weight * (value[d] as number);
    });
    return sum;
  });
}

import type { Place } from '@llama-probe/dump';
import { rounded } from '@llama-probe/dump/precision';
import { type Attention, kq, kvHeadOf } from '../attention.js';
import { attentionOf, inputOf, operationOf, queryOf, rowsOf, type StageCase } from '../case.js';
import { mapRows } from '../operations.js';
import { operationAt, type StageOperation } from '../stage-operations.js';
import type { AttentionVariation, SoftMaxVariation, Variation } from '../variation.js';
import { cacheAs } from './cache.js';
import { sees } from './mask.js';

/**
 * kq: q · k of every head for every position, unscaled; NaN for what a row must not see, and for what the mask of a bug hides besides.
 *
 * @returns (rows, heads · n_kv)
 * Source: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, equation 1; Ainslie et al. 2023, arXiv:2305.13245.
 * @example computeScores(c, { attention: { heads: 'tiled' } }) // query head h reads KV head h mod kvHeads
 */
export function computeScores(c: StageCase, v: Variation): Float64Array {
  const variation = v.attention ?? {};
  const keys = cacheOf(c, variation);
  const a = { ...attentionOf(c), headCountKv: c.model.config.headCount };
  const { scale, precision } = variation;
  let scores = kq(inputOf(c, 0), keys, a);
  if (scale !== undefined) scores = scores.map((score) => score * scale);
  if (precision) scores = scores.map((score) => rounded(score, precision));
  return v.softMax ? hidden(scores, c, v.softMax) : scores;
}

function hidden(scores: Float64Array, c: StageCase, s: SoftMaxVariation): Float64Array {
  const nKv = scores.length / (c.rows * c.model.config.headCount);
  const row = (i: number) => Math.floor(i / (nKv * c.model.config.headCount));
  return scores.map((score, i) => (sees(row(i), i % nKv, c, s) ? score : Number.NaN));
}

/** How the scores of a softmax are computed from queries and keys. */
function behindScores(c: StageCase): StageOperation | undefined {
  const { inputs, scores } = operationOf(c);
  const [input] = inputs;
  return scores ?? (input && operationAt(input, c.model.layers));
}

/** Whether a softmax's case has what `allScores` needs. */
export function hasAllScores(c: StageCase): boolean {
  const scores = behindScores(c);
  return scores !== undefined && c.cache !== undefined && queryOf(scores).every(({ stage }) => c.inputs[stage]);
}

/** Under which a case has what a softmax takes of all positions, where that is not the scores themselves. */
export const ALL_SCORES = 'all scores';

/** A softmax's scores, including those of positions that a row must not see. @returns (rows, heads · n_kv) */
export function allScores(c: StageCase): Float64Array {
  const [queries, rotated] = (behindScores(c) as StageOperation).inputs as [Place, Place];
  const keys = c.cache ?? rowsOf(c, rotated);
  return kq(rowsOf(c, queries), keys, { ...attentionOf(c), firstPosition: keys.length, window: undefined });
}

/**
 * The cache as a bug leaves it, with a KV head for every query head.
 *
 * @returns (n_kv, heads · headDim)
 */
export function cacheOf(c: StageCase, variation: AttentionVariation): Float64Array {
  const a = attentionOf(c);
  const { op, latent } = operationOf(c);
  const rows = c.cache ?? inputOf(c, 1);
  const own = op === 'values' && latent !== undefined ? firstOfEach(rows, rows.length / nKvOf(c), latent) : rows;
  const cache = cacheAs(own, c.rows, c.model, variation);
  const kvHead = KV_HEADS[variation.heads ?? 'right'];
  const nKv = cache.length / (a.headCountKv * a.headDim);
  const repeated = new Float64Array(nKv * a.headCount * a.headDim);
  for (let position = 0; position < nKv; position++) {
    for (let head = 0; head < a.headCount; head++) {
      const at = (position * a.headCountKv + kvHead(head, a)) * a.headDim; // past the last head: the next position's
      repeated.set(cache.subarray(at, at + a.headDim), (position * a.headCount + head) * a.headDim);
    }
  }
  return repeated;
}

const nKvOf = (c: StageCase): number => (c.cache ? c.firstPosition : 0) + c.rows;

const firstOfEach = (rows: Float64Array, width: number, count: number): Float64Array =>
  mapRows(rows, width, (row) => row.subarray(0, count));

/** Which head of the cache a query head reads. */
const KV_HEADS: Record<NonNullable<AttentionVariation['heads']> | 'right', (head: number, a: Attention) => number> = {
  right: kvHeadOf,
  tiled: (head, a) => head % a.headCountKv,
  first: () => 0,
  last: (_, a) => a.headCountKv - 1,
  clamped: (head, a) => Math.min(divided(head, a), a.headCountKv - 1),
  wrapped: (head, a) => divided(head, a) % a.headCountKv,
  overrun: divided,
  reversed: (head, a) => a.headCountKv - 1 - kvHeadOf(head, a),
};

/** The head divided by the number of KV heads; right is the number of heads in a group. */
function divided(head: number, a: Attention): number {
  return Math.floor(head / a.headCountKv);
}

import { type Precision, rounded } from '@llama-probe/dump/precision';
import { alibiSlope } from '../alibi.js';
import { isSeen } from '../attention.js';
import { attentionOf, inputOf, operationOf, type StageCase } from '../case.js';
import type { SoftMaxVariation, Variation } from '../variation.js';
import { sees } from './mask.js';
import { capped } from './output.js';
import { ALL_SCORES, allScores } from './scores.js';
import { vectorOf, weightOf } from './weight.js';

/**
 * kq_soft_max: softmax(score / √headDim) of every head over the positions that a row sees; 0 for the others. A sink, a learned score of each
 * head, takes its share of the sum as if it were a position. With ALiBi a score falls with the distance, in each head by another slope.
 *
 * @returns (rows, heads · n_kv)
 * Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1; sinks: OpenAI 2025, "gpt-oss-120b & gpt-oss-20b Model Card", arXiv:2508.10925 §2.3;
 * ALiBi: Press et al. 2021, arXiv:2108.12409.
 * @example computeSoftMax(c, { softMax: { ahead: 1, hidden: 'largest' } }) // a mask that is one off
 */
export function computeSoftMax(c: StageCase, v: Variation): Float64Array {
  const s = v.softMax ?? {};
  const logits = logitsOf(c, s);
  const nKv = logits.length / (c.rows * c.model.config.headCount);
  const a = attentionOf(c);
  const { powers, besides } = powersOf(logits, nKv, sinksOf(c, s), s);
  const sums = sumsOf(powers, besides, nKv, a.headCount, s);
  return powers.map((power, i) => {
    const row = Math.floor(i / (nKv * a.headCount));
    if (s.masked === 'after' && !isSeen(row, i % nKv, a)) return 0;
    const p = Number.isNaN(power) ? blind(row, i % nKv, nKv, c, s) : power / (sums[i] as number);
    return s.precision ? rounded(p, s.precision) : p;
  });
}

/** The scaled scores; −Infinity for what the mask hides. */
function logitsOf(c: StageCase, s: SoftMaxVariation): Float64Array {
  const scores = inputOf(c, 0);
  const a = attentionOf(c);
  const nKv = scores.length / (c.rows * a.headCount);
  const hidden = s.hidden === 'scores' ? (c.inputs[ALL_SCORES] ?? allScores(c)) : undefined;
  const scale = (s.scale ?? c.model.config.attentionScale) / (s.temperature ?? 1);
  const logits = new Float64Array(scores.length);
  for (let at = 0; at < scores.length; at += nKv) {
    const row = Math.floor(at / (nKv * a.headCount));
    const filler = largest(scores.subarray(at, at + a.firstPosition + row + 1));
    for (let position = 0; position < nKv; position++) {
      const known = isSeen(row, position, a);
      const score = known ? (scores[at + position] as number) : ((hidden?.[at + position] ?? filler) as number);
      const scaled = s.softCap ? capped(scale * score, s.softCap) : scale * score;
      const logit = scaled + fallOf((at / nKv) % a.headCount, row, position, c, s);
      logits[at + position] = sees(row, position, c, s) ? logit : s.masked === 'zero' ? 0 : Number.NEGATIVE_INFINITY;
    }
  }
  return s.precision ? logits.map((logit) => rounded(logit, s.precision as Precision)) : logits;
}

/** What ALiBi adds to a scaled score. */
function fallOf(head: number, row: number, position: number, c: StageCase, s: SoftMaxVariation): number {
  const { headCount, maxAlibiBias } = c.model.config;
  const steepest = s.maxAlibiBias ?? maxAlibiBias;
  if (steepest === undefined || s.slopes === 'missing') return 0;
  const distance = s.distance === 'from-first' ? position : Math.abs(c.firstPosition + row - position);
  const slope = SLOPES[s.slopes ?? 'right'](head, { headCount, maxAlibiBias: steepest });
  return -slope * distance * (s.distance === 'scaled' ? c.model.config.attentionScale : 1);
}

const SLOPES: Record<'right' | Exclude<SoftMaxVariation['slopes'], 'missing' | undefined>, typeof alibiSlope> = {
  right: alibiSlope,
  'of-any-count': (head, { headCount, maxAlibiBias }) => 2 ** ((-maxAlibiBias * (head + 1)) / headCount),
  'of-next-power': (head, { headCount, maxAlibiBias }) =>
    2 ** ((-maxAlibiBias * (head + 1)) / 2 ** Math.ceil(Math.log2(headCount))),
  'from-zero': (head, alibi) => alibiSlope(head, alibi) / alibiSlope(0, alibi),
  reversed: (head, alibi) => alibiSlope(alibi.headCount - 1 - head, alibi),
};

/** What a blaming run has for a hidden score: the largest score that the row sees, or 0 if there is none. */
function largest(seen: Float64Array): number {
  const finite = seen.filter(Number.isFinite);
  return finite.length ? finite.reduce((a, b) => Math.max(a, b)) : 0;
}

/** The score that each head has beside those of positions. */
function sinksOf(c: StageCase, s: SoftMaxVariation): Float64Array | undefined {
  const { sinks } = operationOf(c);
  return sinks === undefined || s.sinks ? undefined : vectorOf(weightOf(c.model, sinks));
}

/** The power of each score, and of each head's sink in each row. */
function powersOf(
  logits: Float64Array,
  nKv: number,
  sinks: Float64Array | undefined,
  { noMaximum }: SoftMaxVariation,
): { readonly powers: Float64Array; readonly besides: Float64Array } {
  const power = (logit: number): number => (noMaximum ? rounded(Math.exp(logit), noMaximum) : Math.exp(logit));
  const powers = new Float64Array(logits.length);
  const besides = new Float64Array(logits.length / nKv);
  for (let head = 0; head < besides.length; head++) {
    const row = logits.subarray(head * nKv, (head + 1) * nKv);
    const sink = sinks?.[head % sinks.length] ?? Number.NEGATIVE_INFINITY;
    const highest = noMaximum ? 0 : row.reduce((a, b) => Math.max(a, b), sink);
    powers.set(
      row.map((logit) => power(logit - highest)),
      head * nKv,
    );
    if (sinks) besides[head] = power(sink - highest);
  }
  return { powers, besides };
}

/** What each power is divided by. */
function sumsOf(
  powers: Float64Array,
  besides: Float64Array,
  nKv: number,
  heads: number,
  s: SoftMaxVariation,
): Float64Array {
  const sums = new Float64Array(powers.length);
  const width = s.sum === 'over-row' || s.sum === 'over-heads' ? heads * nKv : nKv;
  for (let at = 0; at < powers.length; at += width) {
    const row = powers.subarray(at, at + width);
    const ofSinks = besides.subarray(at / nKv, (at + width) / nKv).reduce((a, b) => a + b);
    const total = row.reduce((a, b) => a + b) + ofSinks;
    for (let i = 0; i < width; i++) sums[at + i] = divisor(row, total, i, nKv, s);
  }
  return s.noMaximum ? sums.map((sum) => rounded(sum, s.noMaximum as Precision)) : sums;
}

function divisor(row: Float64Array, total: number, i: number, nKv: number, { sum }: SoftMaxVariation): number {
  if (sum === 'missing') return 1;
  if (sum === 'plus-one') return total + 1;
  if (sum !== 'over-heads') return total;
  let heads = 0;
  for (let at = i % nKv; at < row.length; at += nKv) heads += row[at] as number;
  return heads || 1; // a position that no head sees
}

/** The probabilities of a row that sees nothing. */
function blind(row: number, position: number, nKv: number, c: StageCase, { blind: how }: SoftMaxVariation): number {
  if (how === 'zero') return 0;
  if (how === 'uniform') return 1 / nKv;
  return how === 'uniform-seen' && position <= c.firstPosition + row ? 1 / (c.firstPosition + row + 1) : Number.NaN;
}

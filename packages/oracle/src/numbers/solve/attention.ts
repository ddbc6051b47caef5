import { kq, kqv, kvHeadOf } from '../../attention.js';
import { attentionOf, type StageCase } from '../../case.js';
import { filled } from '../filled.js';
import { type Called, orderOf } from '../look-up/order.js';
import { tokens } from '../look-up/rows.js';
import { inRanges } from '../words.js';
import type { Idea, Wrong } from '../wrong.js';
import { elsewhere, type Input, inputsOf } from './inputs.js';

/** More multiplications are not made: with each head of the cache, each value takes as many as a row of the cache has numbers. */
const MOST = 3e8;

/** The first input, and the cache: of keys, or of values. */
function operands({ c, sick }: Wrong): { readonly x: Input; readonly cache: Float64Array } | undefined {
  const [x, own] = inputsOf(c);
  const cache = c.cache ?? own?.rows;
  const isTooMuch = !cache || sick.length * cache.length > MOST;
  return x && cache && !isTooMuch ? { x, cache } : undefined;
}

/** Attention with one of the cache's heads for every query head. @returns (rows, heads · …) */
type Attend = (c: StageCase, x: Float64Array, cache: Float64Array) => Float64Array;

const SCORES: Attend = (c, x, cache) => kq(x, cache, { ...attentionOf(c), headCountKv: c.model.config.headCount });
const VALUES: Attend = (c, x, cache) => kqv(x, cache, { ...attentionOf(c), headCountKv: c.model.config.headCount });

/** The cache with a head for every query head. @param of which of its heads a query head reads */
function withHeads({ model }: StageCase, cache: Float64Array, of: (head: number) => number): Float64Array {
  const { headCount, headCountKv, headDim } = model.config;
  const positions = cache.length / (headCountKv * headDim);
  const all = new Float64Array(positions * headCount * headDim);
  for (let position = 0; position < positions; position++) {
    for (let head = 0; head < headCount; head++) {
      const at = (position * headCountKv + of(head)) * headDim;
      all.set(cache.subarray(at, at + headDim), (position * headCount + head) * headDim);
    }
  }
  return all;
}

/** Which of the cache's heads each query head reads. */
function* readHeads(wrong: Wrong, attend: Attend, x: Float64Array, cache: Float64Array): Generator<Idea> {
  const { c, width } = wrong;
  const { headCount, headCountKv } = c.model.config;
  const size = width / headCount;
  const of = Array.from({ length: headCountKv }, (_, kv) =>
    attend(
      c,
      x,
      withHeads(c, cache, () => kv),
    ),
  );
  const own = (head: number) => kvHeadOf(head, attentionOf(c));
  const read = Array.from({ length: headCount }, (_, head) => {
    if (isSameHead(wrong, of[own(head)] as Float64Array, head, size)) return own(head);
    const found = of.flatMap((rows, kv) => (isSameHead(wrong, rows, head, size) ? [kv] : []));
    return found.length === 1 ? (found[0] as number) : undefined;
  });
  if (read.includes(undefined)) return;
  const heads = read as number[];
  yield {
    text: inWords(
      heads.flatMap((kv, head) => (kv === own(head) ? [] : [{ head, kv }])),
      headCount,
    ),
    rows: attend(
      c,
      x,
      withHeads(c, cache, (head) => heads[head] as number),
    ),
  };
}

/** @example 'heads 2 and 3 read KV head 0, heads 4 and 5 read KV head 1' */
function inWords(wrong: readonly { readonly head: number; readonly kv: number }[], count: number): string {
  const kvs = [...new Set(wrong.map(({ kv }) => kv))];
  const told = kvs.map((kv) => {
    const heads = wrong.flatMap((one) => (one.kv === kv ? [one.head] : []));
    const who = heads.length === count ? 'all heads' : `${heads.length === 1 ? 'head' : 'heads'} ${inRanges(heads)}`;
    return `${who} ${heads.length === 1 ? 'reads' : 'read'} KV head ${kv}`;
  });
  return told.join(', ');
}

/** Whether a head is the same in all rows. (rows, width) */
function isSameHead({ sick, width, hidden, limits }: Wrong, other: Float64Array, head: number, size: number): boolean {
  let [delta2, size2] = [0, 0];
  for (let start = head * size; start < sick.length; start += width) {
    for (let i = start; i < start + size; i++) {
      if (hidden[i]) continue;
      delta2 += ((sick[i] as number) - (other[i] as number)) ** 2;
      size2 += (other[i] as number) ** 2;
    }
  }
  return delta2 <= limits.row ** 2 * size2;
}

/** kqv_out = P · V: which heads of V are read; or V itself, solved for row by row. */
export function* values(wrong: Wrong): Generator<Idea> {
  const found = operands(wrong);
  if (!found) return;
  const { c } = wrong;
  const { x, cache } = found;
  yield* readHeads(wrong, VALUES, x.rows, cache);
  const solved = solvedValues(wrong, x.rows, cache);
  if (!solved) return;
  const own = (head: number) => kvHeadOf(head, attentionOf(c));
  const { headCountKv, headDim } = c.model.config;
  const operand = {
    name: 'V',
    ...solved,
    right: cache,
    heads: headCountKv,
    rows: cache.length / (headCountKv * headDim),
    first: 0,
  };
  yield* elsewhere(wrong, operand, (rows) => VALUES(c, x.rows, withHeads(c, rows, own)));
}

/** How small the share of a row's own position may be: what is divided by it is noise. */
const LEAST_SHARE = 1e-3;

/**
 * V of a prompt from the first row on: row t is what row t of kqv_out has beyond the rows before it, divided by the share of its own
 * position. Of the query heads that share a head, the one whose shares are largest.
 */
function solvedValues({ c, sick, rows, width }: Wrong, p: Float64Array, cache: Float64Array) {
  const { headCount, headCountKv, headDim } = c.model.config;
  if (c.firstPosition !== 0 || cache.length !== rows * headCountKv * headDim || rows < 2) return undefined;
  const solved = new Float64Array(cache.length);
  const share = (row: number, head: number, at: number) => p[(row * headCount + head) * rows + at] as number;
  let least = 1;
  for (let kv = 0; kv < headCountKv; kv++) {
    const heads = Array.from({ length: headCount }, (_, head) => head).filter(
      (head) => kvHeadOf(head, attentionOf(c)) === kv,
    );
    const smallest = (head: number) =>
      Array.from({ length: rows }, (_, row) => share(row, head, row)).reduce((a, b) => Math.min(a, b));
    const head = heads.reduce((a, b) => (smallest(b) > smallest(a) ? b : a));
    least = Math.min(least, smallest(head));
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < headDim; d++) {
        let rest = sick[row * width + head * headDim + d] as number;
        for (let at = 0; at < row; at++)
          rest -= share(row, head, at) * (solved[(at * headCountKv + kv) * headDim + d] as number);
        solved[(row * headCountKv + kv) * headDim + d] = rest / share(row, head, row);
      }
    }
  }
  return least < LEAST_SHARE ? undefined : { solved, noise: Math.min(1 / least, 100) };
}

/** kq = Q · K: which heads of K are read, and whose keys and queries. */
export function* scores(wrong: Wrong): Generator<Idea> {
  const found = operands(wrong);
  if (!found) return;
  const { c, rows } = wrong;
  const { x, cache } = found;
  yield* readHeads(wrong, SCORES, x.rows, cache);
  const { headCount, headCountKv, headDim } = c.model.config;
  const count = cache.length / (headCountKv * headDim);
  const own = (head: number) => kvHeadOf(head, attentionOf(c));
  const keys = withHeads(c, cache, own);
  const all = kq(x.rows, keys, { ...attentionOf(c), headCountKv: headCount, firstPosition: count, window: undefined });
  const score = (row: number, head: number, at: number) => all[(row * headCount + head) * count + at] as number;

  const ofKeys = orderOf(
    sources(wrong, count, count, (row, head, _, source) => score(row, head, source), 'position'),
    POSITIONS,
  );
  if (ofKeys)
    yield { text: ofKeys.text, rows: asSeen(wrong, (row, head, at) => score(row, head, ofKeys.from[at] as number)) };
  const ofQueries = orderOf(
    sources(wrong, rows, rows, (_, head, at, source) => score(source, head, at), 'row'),
    queries(wrong),
  );
  if (ofQueries)
    yield {
      text: ofQueries.text,
      rows: asSeen(wrong, (row, head, at) => score(ofQueries.from[row] as number, head, at)),
    };
}

const POSITIONS: Called = {
  one: 'position',
  many: 'positions',
  before: ['the key of ', 'the keys of '],
  number: (position) => position,
};

const queries = (wrong: Wrong): Called => ({ ...tokens(wrong), before: ['the query of ', 'the queries of '] });

type Score = (row: number, head: number, at: number) => number;

/** Scores, where the mask lets them be seen. */
function asSeen({ right, width, c }: Wrong, score: Score): Float64Array {
  const { headCount } = c.model.config;
  const count = width / headCount;
  return filled(right.length, (i) => {
    const value = right[i] as number;
    const column = i % width;
    return Number.isNaN(value) ? value : score(Math.floor(i / width), Math.floor(column / count), column % count);
  });
}

/** From which others the scores of each position, or of each row, may come. */
function sources(
  { sick, hidden, width, rows, c, limits }: Wrong,
  count: number,
  others: number,
  score: (row: number, head: number, at: number, source: number) => number,
  of: 'position' | 'row',
): number[][] {
  const { headCount } = c.model.config;
  const positions = width / headCount;
  const rms = Math.sqrt(
    sick.reduce((sum, value) => sum + (Number.isFinite(value) ? value * value : 0), 0) / sick.length,
  );
  const isFrom = (unit: number, source: number): boolean => {
    let seen = 0;
    for (let row = 0; row < rows; row++) {
      if (of === 'row' && row !== unit) continue;
      for (let head = 0; head < headCount; head++) {
        for (let at = 0; at < positions; at++) {
          const i = row * width + head * positions + at;
          if ((of === 'position' && at !== unit) || hidden[i]) continue;
          const value = score(row, head, at, source);
          if (!(Math.abs((sick[i] as number) - value) <= 8 * limits.rel * (rms + Math.abs(value)))) return false;
          seen++;
        }
      }
    }
    return seen > 1;
  };
  return Array.from({ length: count }, (_, unit) => {
    if (isFrom(unit, unit)) return [unit];
    return Array.from({ length: others }, (_, source) => source).filter((source) => isFrom(unit, source));
  });
}

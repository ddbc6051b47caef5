import { kq, kvHeadOf } from '../../attention.js';
import { attentionOf } from '../../case.js';
import { filled } from '../filled.js';
import { type Called, orderOf } from '../look-up/order.js';
import { tokens } from '../look-up/rows.js';
import type { Idea, Wrong } from '../wrong.js';
import { type Attend, operands, readHeads, withHeads } from './cache-heads.js';

const SCORES: Attend = (c, x, cache) => kq(x, cache, { ...attentionOf(c), headCountKv: c.model.config.headCount });

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

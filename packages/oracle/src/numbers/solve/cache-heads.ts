import { kvHeadOf } from '../../attention.js';
import { attentionOf, type StageCase } from '../../case.js';
import { inRanges } from '../words.js';
import type { Idea, Wrong } from '../wrong.js';
import { type Input, inputsOf } from './inputs.js';

/** More multiplications are not made: with each head of the cache, each value takes as many as a row of the cache has numbers. */
const MOST = 3e8;

/** The first input, and the cache: of keys, or of values. */
export function operands({ c, sick }: Wrong): { readonly x: Input; readonly cache: Float64Array } | undefined {
  const [x, own] = inputsOf(c);
  const cache = c.cache ?? own?.rows;
  const isTooMuch = !cache || sick.length * cache.length > MOST;
  return x && cache && !isTooMuch ? { x, cache } : undefined;
}

/** Attention with one of the cache's heads for every query head. @returns (rows, heads · …) */
export type Attend = (c: StageCase, x: Float64Array, cache: Float64Array) => Float64Array;

/** The cache with a head for every query head. @param of which of its heads a query head reads */
export function withHeads({ model }: StageCase, cache: Float64Array, of: (head: number) => number): Float64Array {
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
export function* readHeads(wrong: Wrong, attend: Attend, x: Float64Array, cache: Float64Array): Generator<Idea> {
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

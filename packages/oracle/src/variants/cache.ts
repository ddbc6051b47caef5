import { rounded } from '@llama-probe/dump/precision';
import type { CaseModel } from '../case.js';
import type { AttentionVariation } from '../variation.js';
import { turned } from './rope.js';

/**
 * What a bug leaves in the cache.
 *
 * @param cache (n_kv, kvHeads · headDim), right @param newest how many of its rows are of this step @returns as cache
 * @example cacheAs(cache, 1, model, { shift: 1 }) // position p has what belongs to p − 1
 */
export function cacheAs(cache: Float64Array, newest: number, model: CaseModel, a: AttentionVariation): Float64Array {
  const { headCountKv, headDim } = model.config;
  const width = headCountKv * headDim;
  const nKv = cache.length / width;
  const { turned: direction, type, layout, shift } = a;
  let kept = direction ? turned(cache, width, 0, model, direction === 1 ? {} : { direction: -1 }) : cache;
  if (type) kept = ROUND_TRIPS[type](kept);
  if (layout) kept = LAYOUTS[layout](kept, nKv, headCountKv, headDim);
  if (shift !== undefined) kept = kept.map((_, i) => kept[i - shift * width] ?? 0);
  if (a.newest) kept = kept.map((value, i) => (i < (nKv - newest) * width ? value : 0));
  return kept;
}

type Relayout = (x: Float64Array, nKv: number, heads: number, dim: number) => Float64Array;

/** x[i] is what layout says is at i: (position, head, d) is right. */
const LAYOUTS: Record<NonNullable<AttentionVariation['layout']>, Relayout> = {
  // (head · d, position) in memory, read as (position, head · d); and the other way
  'stored-transposed': (x, nKv, heads, dim) =>
    x.map((_, i) => x[(i % nKv) * heads * dim + Math.floor(i / nKv)] as number),
  'read-transposed': (x, nKv, heads, dim) =>
    x.map((_, i) => x[(i % (heads * dim)) * nKv + Math.floor(i / (heads * dim))] as number),
  // (head, position, d) in memory, read as (position, head, d); and the other way
  'stored-heads-first': (x, nKv, heads, dim) =>
    x.map((_, i) => {
      const [head, position] = [Math.floor(i / (nKv * dim)), Math.floor(i / dim) % nKv];
      return x[(position * heads + head) * dim + (i % dim)] as number;
    }),
  'read-heads-first': (x, nKv, heads, dim) =>
    x.map((_, i) => {
      const [position, head] = [Math.floor(i / (heads * dim)), Math.floor(i / dim) % heads];
      return x[(head * nKv + position) * dim + (i % dim)] as number;
    }),
};

/** Written to the cache in a type and read again. Sources: the reference quantisers described in ggml-quants.c. */
const ROUND_TRIPS: Record<NonNullable<AttentionVariation['type']>, (x: Float64Array) => Float64Array> = {
  F16: (x) => x.map((value) => rounded(value, 'f16')),
  Q8_0: (x) => inBlocks(x, (block) => steps(block, Math.max(...block.map(Math.abs)) / 127, -127, 127)),
  Q4_0: (x) => inBlocks(x, (block) => steps(block, largest(block) / -8, -8, 7)),
};

function inBlocks(x: Float64Array, roundTrip: (block: Float64Array) => Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += 32) y.set(roundTrip(x.subarray(at, at + 32)), at);
  return y;
}

/** Each number as a whole count of steps; the step itself is kept as a half. */
function steps(block: Float64Array, step: number, least: number, most: number): Float64Array {
  const kept = rounded(step, 'f16');
  return block.map((x) => (step === 0 ? 0 : kept * Math.min(Math.max(Math.round(x / step), least), most)));
}

/** The number of the largest magnitude, with its sign. */
const largest = (block: Float64Array): number => block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));

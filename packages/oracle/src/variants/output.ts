import { type Precision, rounded } from '@llama-probe/dump/precision';
import { inputOf, operationOf, type StageCase } from '../case.js';
import type { OutputVariation, SoftCap, Variation } from '../variation.js';

/** Only the given columns of each row; all columns if none are given. */
export function selectColumns(rows: Float64Array, count: number, columns?: Int32Array): Float64Array {
  if (!columns) return rows;
  const width = rows.length / count;
  const selected = new Float64Array(count * columns.length);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < columns.length; i++) {
      selected[row * columns.length + i] = rows[row * width + (columns[i] as number)] as number;
    }
  }
  return selected;
}

/**
 * What happens to a stage's rows once they are computed: times, soft-cap, clip, rounding, bits dropped, a limit, zeros, rows exchanged.
 *
 * @param rows (count, width) @param columns which columns these are; all of them if it is left out @returns as rows
 * @example finish(Float64Array.of(3, -20), 1, { clip: 10 }) // [3, -10]
 */
export function finish(rows: Float64Array, count: number, o: OutputVariation, columns?: Int32Array): Float64Array {
  const { times, softCap, clip, precision, cut, limit, zero, row } = o;
  const width = rows.length / count;
  let y = rows;
  if (times !== undefined) y = y.map((x) => x * times);
  if (softCap) y = y.map((x) => capped(x, softCap));
  if (clip !== undefined) y = y.map((x) => Math.min(Math.max(x, -clip), clip));
  if (precision) y = y.map((x) => rounded(x, precision));
  if (cut) y = y.map((x) => cutTo(x, cut));
  if (limit !== undefined)
    y = y.map((x, i) => ((columns ? (columns[i % width] as number) : i % width) < limit ? x : 0));
  if (zero) y = y.map(() => 0);
  if (row !== undefined) y = y.map((_, i) => y[otherRow(Math.floor(i / width), count, row) * width + (i % width)] ?? 0);
  return y;
}

/** Of a format, how many bits its numbers have after the first, and its least normal exponent. */
const BITS = { f16: { after: 10, least: -14 }, bf16: { after: 7, least: -126 } } as const;

/**
 * The next number of a format towards zero: what is left when the bits that it has no room for are dropped.
 *
 * Source: IEEE 754, roundTowardZero.
 * @example cutTo(3.14, 'bf16') // 3.125, and the nearest is 3.140625
 */
export function cutTo(x: number, precision: Exclude<Precision, 'f32'>): number {
  const near = rounded(x, precision);
  const size = Math.abs(near);
  if (size <= Math.abs(x) || !Number.isFinite(near)) return near;
  const { after, least } = BITS[precision];
  const exponent = Math.log2(size); // whole at a power of two, below which numbers lie closer
  const below = Number.isInteger(exponent) ? exponent - 1 : Math.floor(exponent);
  return near - Math.sign(near) * 2 ** (Math.max(below, least) - after);
}

function otherRow(row: number, count: number, how: NonNullable<OutputVariation['row']>): number {
  if (how === 'first') return 0;
  if (how === 'last') return count - 1;
  if (how === 'reversed') return count - 1 - row;
  return Math.min(Math.max(row + how, 0), count - 1);
}

/**
 * A logit kept within ±cap: cap · tanh(x / cap), or a form of it that people write by mistake.
 *
 * Source: Bello et al. 2016, "Neural Combinatorial Optimization", arXiv:1611.09940; Gemma Team 2024, arXiv:2408.00118 §2.
 * @example capped(1000, { cap: 50 }) // 50
 */
export function capped(x: number, { cap, form }: SoftCap): number {
  if (!Number.isFinite(cap)) return x;
  switch (form) {
    case 'tanh-alone':
      return Math.tanh(x / cap);
    case 'undivided':
      return cap * Math.tanh(x);
    case 'clamped':
      return Math.min(Math.max(x, -cap), cap);
    case 'divided-twice':
      return Math.tanh(x / cap) / cap;
    default:
      return cap * Math.tanh(x / cap);
  }
}

/**
 * A soft-cap that a model has: scores or logits kept within ± a factor.
 *
 * @returns as the input
 * Source: Gemma Team 2024, arXiv:2408.00118 §2.
 * @example computeSoftCap(c, { step: { softCap: 'missing' } }) // the input as it is
 */
export function computeSoftCap(c: StageCase, v: Variation): Float64Array {
  const x = inputOf(c, 0);
  const { factor: cap = Number.POSITIVE_INFINITY } = operationOf(c);
  return v.step?.softCap ? x.slice() : x.map((value) => capped(value, { cap }));
}

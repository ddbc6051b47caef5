import {
  type Attention,
  add,
  addBias,
  dequantizeRow,
  getRows,
  kq,
  kqv,
  mul,
  rmsNorm,
  rope,
  ropeAngle,
  softMax,
  swiglu,
} from '../../oracle/src/index.js';
import { WEIGHT_TYPES, type Weight, type WeightType } from '../src/mul-mat.js';
import type { Operations } from '../src/operations.js';
import { randomWeights } from './mul-mat-case.js';

/** The sizes of one run, at the edges of a workgroup (64) and off them. */
export interface Shape {
  tokens: number;
  first: number; // position of the first row; more than 0 is a decode step
  heads: number;
  kvHeads: number;
  headDim: number;
  embd: number;
  ff: number;
}

const sizes = (tokens: number, first: number, heads: number, kvHeads: number, headDim: number, embd: number, ff: number) => ({
  tokens, first, heads, kvHeads, headDim, embd, ff,
});

// biome-ignore format: a table
export const SHAPES: readonly Shape[] = [
  //    tokens first heads kv dim embd    ff
  sizes(     1,    0,    1, 1,   2,    1,     1), // the smallest
  sizes(     1,   62,    2, 1,   6,   63,    65), // decode, n_kv 63, GQA 2
  sizes(     3,   61,    8, 1,  10,   64,    63), // n_kv 64, GQA 8
  sizes(     5,   60,    4, 2,  64,   65,    64), // n_kv 65
  sizes(    65,    0,    8, 2,   2,   17,   127), // prefill, GQA 4
  sizes(     2,  300,    3, 3,  18,  129,    33), // no GQA, odd heads
  sizes(   129,    7,    3, 1,   6,    7,     5), // many rows, GQA 3
  sizes(     1, 1023,   32, 4, 128, 4096, 11008), // a decode step of a real size
];

export type Values = 'unit' | 'denormal' | 'large';
export const VALUES: readonly Values[] = ['unit', 'denormal', 'large'];

/** One run of one kernel: what it reads, what it must write, and how far off each number may be. */
export interface KernelCase {
  /** Each is put on the GPU with poison behind it. */
  buffers: Record<string, Float32Array | Uint32Array>;
  weight?: { data: Uint8Array; type: WeightType; rows: number; columns: number; slices: number[] };
  /** Written by the kernel. Where it is poisoned at first, the poison is in `buffers`. */
  output: string;
  encode(op: Operations, on: (name: string) => GPUBuffer, weight: Weight): void;
  want: Float64Array; // NaN where the kernel must leave the poison alone
  bound: Float64Array; // the largest error that f32 arithmetic can make
}

export interface Kernel {
  name: string; // the shader's file
  shapes: readonly Shape[];
  make(shape: Shape, values: Values, random: () => number): KernelCase;
}

const U = 2 ** -24; // the largest relative rounding error of f32
const FLUSH = 2 ** -126; // WGSL lets numbers smaller than this become zero, before or after an operation
const ULP = 2 * U; // WGSL states the accuracy of exp, / and sqrt in these, https://www.w3.org/TR/WGSL/#floating-point-accuracy
const DIVISION = 2.5 * ULP;
const exponential = (x: number) => (3 + 2 * Math.abs(x)) * ULP;

export const EPSILON = Math.fround(1e-5);
export const scaleOf = (shape: Shape) => Math.fround(1 / Math.sqrt(shape.headDim));

const POISON = Float32Array.from(Uint32Array.of(0x7fc5a5a5)); // replaced below: a NaN's payload survives only as bits
new Uint32Array(POISON.buffer)[0] = 0x7fc5a5a5;
export const POISON_BITS = 0x7fc5a5a5;

/** A quiet NaN that no kernel computes. */
export function poison(length: number): Float32Array {
  const values = new Float32Array(length);
  new Uint32Array(values.buffer).fill(POISON_BITS);
  return values;
}

function numbers(length: number, values: Values, random: () => number, large = 1e15): Float32Array {
  const magnitude = { unit: 1, denormal: 1e-39, large }[values];
  return Float32Array.from({ length }, () => (random() * 2 - 1) * magnitude);
}

const wide = (x: Float32Array) => Float64Array.from(x);
const relative = (want: Float64Array, units: number) => want.map((value) => units * Math.abs(value) + FLUSH);
const attention = (s: Shape): Attention => ({ headCount: s.heads, headCountKv: s.kvHeads, headDim: s.headDim, firstPosition: s.first });
const abs = (x: Float64Array) => x.map(Math.abs);
const nKv = (s: Shape) => s.first + s.tokens;

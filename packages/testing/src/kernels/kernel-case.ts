import type { Operations, Weight, WeightType } from '@llama-probe/engine/internal';

/** The sizes of one run, at the edges of a workgroup (64) and off them. */
export interface Shape {
  tokens: number;
  first: number; // position of the first row; more than 0 is a decode step
  heads: number;
  kvHeads: number;
  headDim: number;
  embd: number;
  ff: number;
  /** neighbours without it */
  ropePairs?: 'halves';
  /** How many values of a head are turned; all without it. */
  ropeDims?: number;
  /** How many positions a token sees; all without it. */
  window?: number;
  /** What the norms of Q and K take for a row: all heads of a token; each head without it. */
  headNorms?: 'row';
}

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
  /** The weights that it reads: by the shader of their type, which then is part of it. */
  reads?: WeightType;
  shapes: readonly Shape[];
  /** @param rowThreads how many of them add up a row */
  make(shape: Shape, values: Values, random: () => number, rowThreads: number): KernelCase;
}

/** Those have others in their place where an adapter does not prefer textures. */
export const readsTexture = ({ name }: Kernel): boolean => name.endsWith('_texture');

export const U = 2 ** -24; // the largest relative rounding error of f32
export const FLUSH = 2 ** -126; // WGSL lets numbers smaller than this become zero, before or after an operation
export const ULP = 2 * U; // WGSL states the accuracy of exp, / and sqrt in these, https://www.w3.org/TR/WGSL/#floating-point-accuracy
export const DIVISION = 2.5 * ULP;
export const exponential = (x: number) => (3 + 2 * Math.abs(x)) * ULP;

export const POISON_BITS = 0x7fc5a5a5;

/** What no kernel computes: a NaN with a payload. */
export function poison(length: number): Float32Array {
  const values = new Float32Array(length);
  new Uint32Array(values.buffer).fill(POISON_BITS);
  return values;
}

export function numbers(length: number, values: Values, random: () => number, large = 1e15): Float32Array {
  const magnitude = { unit: 1, denormal: 1e-39, large }[values];
  return Float32Array.from({ length }, () => (random() * 2 - 1) * magnitude);
}

export const wide = (x: Float32Array) => Float64Array.from(x);
export const relative = (want: Float64Array, units: number) => want.map((value) => units * Math.abs(value) + FLUSH);

import { shaderSource } from '../kernels.js';
import { type WeightData, weightShader } from '../weight-data.js';
import { WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import { repeatLines } from './repeat-lines.js';

/** Where a product finds x, as a file of shaders/data says. */
export type XData = 'buffer' | 'uniform' | 'texture';

/** A kernel of the product, and how many rows and tokens one of its workgroups computes. */
export interface Kernel {
  /** Of all kernels, this one's name. */
  readonly name: string;
  /** Its own text, after that of the weights' type. @param x where it finds x */
  source(x: XData): string;
  readonly rows: number;
  readonly tokens: number;
}

/** What a thread of a CPU adapter keeps the sums of at a time. */
export interface Block {
  readonly rows: number;
  /** At most: of fewer tokens, those that there are. */
  readonly tokens: number;
}

const files = (...names: readonly string[]) => names.map(shaderSource).join('\n');
const kernel = (file: string, rows: number, tokens: number): Kernel => ({
  name: file,
  source: (x) => files(`data/x_${x}.wgsl`, 'mul_mat.wgsl', file),
  rows,
  tokens,
});

/** The workgroups of CPU adapters: as many threads as a vector of a CPU has lanes. */
const LANES = 8;

/**
 * On a CPU a thread keeps a block of sums in registers: there is no shared memory faster than the caches, and a barrier is dear. Every block adds up in
 * the same order, so that results do not depend on which is taken, but for those of one token.
 */
export function blockKernel({ rows, tokens: most }: Block, tokens: number): Kernel {
  const each = Math.min(most, tokens);
  const file = most === 1 ? 'mul_mat_chunks.wgsl' : 'mul_mat_registers.wgsl';
  return {
    name: `${file} ${rows} × ${each}`,
    source: (x) =>
      `${files(`data/x_${x}.wgsl`, 'mul_mat.wgsl')}\n${repeatLines(shaderSource(file), { rows, tokens: each })}`,
    rows: rows * LANES,
    tokens: each,
  };
}

/** For GPUs: a workgroup for four rows of one token, and one for a tile of 64 × 64. */
export const GPU_FEW = kernel('mul_mat_rows.wgsl', 4, 1);
export const GPU_MANY = kernel('mul_mat_tile.wgsl', 64, 64);
/** For rows that are no multiple of 32. */
export const ANY: Kernel = { ...kernel('mul_mat_any.wgsl', 64, 1), source: () => files('mul_mat_any.wgsl') };

/** The whole text of a kernel for weights of a type. */
export const kernelText = (
  type: WeightType,
  { source }: Kernel,
  { weight, x, isBiased }: { readonly weight: WeightData; readonly x: XData; readonly isBiased: boolean },
): string =>
  [
    files(weightShader(weight), 'quant/block.wgsl', WEIGHT_TYPES[type].shader),
    files(isBiased ? 'biased.wgsl' : 'unbiased.wgsl'),
    source(x),
  ].join('\n');

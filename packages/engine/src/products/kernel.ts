import { shaderSource } from '../shader-source.js';
import { type WeightData, weightShader } from '../weight-data.js';
import { WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import { repeatLines } from './repeat-lines.js';

/** Where a product finds x, as a file of shaders/data says. */
export type XData = 'buffer' | 'uniform' | 'texture';

/** A kernel of the product, and how many rows and tokens one of its workgroups computes. */
export interface Kernel {
  /** Of all kernels, this one's name, which begins with its file. */
  readonly name: string;
  /** What its text needs to be allowed, which is said before all else. */
  readonly enables?: 'subgroups';
  /** Its own text, after that of the weights' type. @param x where it finds x */
  source(x: XData): string;
  readonly rows: number;
  readonly tokens: number;
}

/**
 * A block of the product, and who has it. On CPUs a thread, which keeps its sums in registers: there is no shared memory faster than the caches, and a
 * barrier is dear. On GPUs a workgroup: for few tokens its threads take turns at each row's weights, in a subgroup without barriers; a tile goes through shared memory.
 */
export interface Block {
  readonly rows: number;
  /** At most: of fewer tokens, those that there are. */
  readonly tokens: number;
  readonly by?: 'workgroup' | 'subgroup' | 'tile';
  /** Of the subgroup. */
  readonly threads?: number;
}

const files = (...names: readonly string[]) => names.map(shaderSource).join('\n');

/** The workgroups of CPU adapters: as many threads as a vector of a CPU has lanes. */
const LANES = 8;

/** The file that has main(), and those before it, by who has the block: a thread one token or several, and as Block says. */
const FILES = {
  alone: ['mul_mat_chunks.wgsl'],
  thread: ['mul_mat_registers.wgsl', 'mul_mat_block.wgsl'],
  workgroup: ['mul_mat_rows.wgsl', 'mul_mat_block.wgsl', 'mul_mat_turns.wgsl'],
  subgroup: ['mul_mat_subgroup.wgsl', 'mul_mat_block.wgsl', 'mul_mat_turns.wgsl'],
  tile: ['mul_mat_tile.wgsl'],
} as const;

/** All files that a kernel may be made of, those of the weights' types apart. */
export const SHADERS: readonly string[] = [
  ...['weight_buffer', 'weight_texture', 'x_buffer', 'x_uniform', 'x_texture', 'sixteen'].map(
    (name) => `data/${name}.wgsl`,
  ),
  ...['quant/block.wgsl', 'mul_mat.wgsl', ...new Set(Object.values(FILES).flat())],
];

/** The kernel of a block. Those of CPUs add up in the same order, so that results do not depend on which is taken, but for those of one token. */
export function blockKernel({ rows, tokens: most, by, threads }: Block, tokens: number): Kernel {
  const each = by === 'tile' ? most : Math.min(most, tokens);
  const [file, ...before] = FILES[by ?? (most === 1 ? 'alone' : 'thread')];
  return {
    name: `${file} ${rows} × ${each}`,
    ...(by === 'subgroup' ? { enables: 'subgroups' } : {}),
    source: (x) =>
      [
        files(`data/x_${x}.wgsl`, 'data/sixteen.wgsl', 'mul_mat.wgsl'),
        ...(threads ? [`const THREADS = ${threads}u;`] : []),
        repeatLines(files(...before, file), { rows, tokens: each }),
      ].join('\n'),
    rows: by ? rows : rows * LANES,
    tokens: each,
  };
}

/** For rows that are no multiple of 32. */
export const ANY: Kernel = {
  name: 'mul_mat_any.wgsl',
  source: () => files('mul_mat_any.wgsl'),
  rows: 64,
  tokens: 1,
};

/** The whole text of a kernel for weights of a type. */
export const kernelText = (
  type: WeightType,
  { source, enables }: Kernel,
  { weight, x, isBiased }: { readonly weight: WeightData; readonly x: XData; readonly isBiased: boolean },
): string =>
  [
    ...(enables ? [`enable ${enables};`] : []),
    files(weightShader(weight), 'quant/block.wgsl', WEIGHT_TYPES[type].shader),
    files(isBiased ? 'biased.wgsl' : 'unbiased.wgsl'),
    source(x),
  ].join('\n');

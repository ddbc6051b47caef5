import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { cacheFile, knownEntry } from '../adapter/cache.js';
import type { AdapterInfo, OpenedAdapter } from '../adapter/index.js';
import type { TensorInfo } from '../gguf.js';
import { shaderSource } from '../kernels.js';
import type { LlamaTensors } from '../model.js';
import { packedRowBytes } from '../pack.js';
import { createData, prefersTextures } from '../weight-data.js';
import { isWeightType, WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import {
  candidatesOf,
  classOf,
  type Fastest,
  type Key,
  TOKEN_CLASSES,
  type TokenClass,
  type Work,
  worthTrying,
} from './blocks.js';
import { type Block, blockKernel } from './kernel.js';
import { createMulMat } from './mul-mat.js';
import { UNIFORM_BYTES } from './x-data.js';

/** The products of so many passes over a model. */
export function workOf({ blk, output }: LlamaTensors, tokens: number, passes: number): Work[] {
  const values = new Map<WeightType, number>();
  const all: readonly TensorInfo[] = [output, ...blk.flatMap((layer) => Object.values({ ...layer }))];
  for (const { type, shape } of all) {
    if (shape.length !== 2) continue; // a vector, or experts, whose products have a kernel of their own
    const count = shape.reduce((product, length) => product * length);
    if (isWeightType(type.name)) values.set(type.name, (values.get(type.name) ?? 0) + count);
  }
  return [...values].map(([type, count]) => ({ type, tokens, multiplications: count * tokens * passes }));
}

export type Blocks = Map<Key, Fastest>;

/** What is measured with, several times in a submit: large enough for a clock and, on a GPU, for most caches, and in a few milliseconds. */
const SIZES = { cpu: { rows: 2048, columns: 2048 }, gpu: { rows: 16384, columns: 4096 } } as const;
const inSubmit = (tokens: number) => Math.min(8, Math.ceil(32 / tokens));
/** Weights that are to fit beside a model's. */
const MOST_BYTES = 64 << 20;
/** A number of tokens of each class. */
const TOKENS: Readonly<Record<TokenClass, number>> = { '1': 1, '2-4': 4, '5-8': 8, '9-32': 32, more: 64 };
/** How often, and how long at most, if that is three times. */
const [TIMES, LONGEST] = [9, 300]; // ms
/** Another block than the first is so much faster, or it may be by chance. */
const MARGIN = 0.97;

/**
 * Puts the fastest blocks for what is to come into `blocks`: those that are known of this adapter, driver and CPU, and others after trying out the few
 * that there are, where the work repays it. The result of a product does not depend on the choice (kernel.ts).
 *
 * @example await chooseBlocks(opened, blocks, [{ type: 'Q8_0', tokens: 512, multiplications: 5e11 }]);
 */
export async function chooseBlocks(
  opened: OpenedAdapter,
  blocks: Blocks,
  coming: readonly Work[],
  {
    onProgress,
    signal,
  }: { onProgress?: ((message: string) => void) | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  for (const { type, tokens, multiplications } of coming) {
    const of = classOf(tokens);
    const candidates = worthTrying(opened.info, of, multiplications);
    if (candidates.length <= (blocks.get(`${type} ${of}`)?.of ?? 0)) continue;
    const known = knownBlock(opened.info, type, of, candidates.length);
    if (known) {
      blocks.set(`${type} ${of}`, known);
      continue;
    }
    onProgress?.(`trying out kernels on ${opened.info.name}`);
    const block = await fastest(opened, type, of, candidates, signal);
    const name = entryOf(opened.info, type, of, candidates);
    cacheFile(`${name}/${FILE}`, () => Buffer.from(`${JSON.stringify(block)}\n`));
    blocks.set(`${type} ${of}`, { ...block, of: candidates.length });
  }
}

/** What is known of an adapter. @example knownBlocks(info) // Map { 'Q8_0 5-8' → { rows: 16, tokens: 8, of: 3 } } */
export function knownBlocks(info: AdapterInfo): Blocks {
  const blocks: Blocks = new Map();
  for (const type of Object.keys(WEIGHT_TYPES) as WeightType[]) {
    for (const of of TOKEN_CLASSES) {
      const block = knownBlock(info, type, of, 2);
      if (block) blocks.set(`${type} ${of}`, block);
    }
  }
  return blocks;
}

/** The block that was found among the most candidates, of which there were at least so many. */
function knownBlock(info: AdapterInfo, type: WeightType, of: TokenClass, least: number): Fastest | undefined {
  const all = candidatesOf(info, of);
  for (let count = all.length; count >= least; count--) {
    const candidates = all.slice(0, count);
    const block = readBlock(entryOf(info, type, of, candidates), candidates);
    if (block) return { ...block, of: count };
  }
  return undefined;
}

const FILE = 'block.json';

/** Where in the cache the block is kept: another adapter, driver, CPU, kernel or list of candidates has a place of its own. */
function entryOf(
  { name, backend }: AdapterInfo,
  type: WeightType,
  of: TokenClass,
  candidates: readonly Block[],
): string {
  const texts = SHADERS.concat(WEIGHT_TYPES[type].shader).map(shaderSource);
  const [cpu] = cpus();
  const key = [name, backend, cpu?.model, cpus().length, candidates, texts];
  const hash = createHash('sha256').update(JSON.stringify(key)).digest('hex');
  return `kernel-${type}-${of}-${hash.slice(0, 16)}`;
}

const SHADERS = [
  ...['weight_buffer', 'weight_texture', 'x_buffer', 'x_uniform', 'x_texture'].map((name) => `data/${name}.wgsl`),
  ...['quant/block.wgsl', 'mul_mat.wgsl', 'mul_mat_block.wgsl', 'mul_mat_chunks.wgsl', 'mul_mat_registers.wgsl'],
  ...['mul_mat_rows.wgsl', 'mul_mat_subgroup.wgsl', 'mul_mat_tile.wgsl'],
];

/** A block of the cache; undefined where there is none, or none that could have been chosen. */
function readBlock(name: string, candidates: readonly Block[]): Block | undefined {
  const entry = knownEntry(name);
  if (!entry) return undefined;
  try {
    const block = JSON.parse(readFileSync(`${entry}/${FILE}`, 'utf8')) as Block;
    return candidates.find((one) => one.rows === block.rows && one.tokens === block.tokens && one.by === block.by);
  } catch {
    return undefined;
  }
}

/** The fastest of the candidates, each run several times, the candidates taking turns, the shortest time counting. */
async function fastest(
  opened: OpenedAdapter,
  type: WeightType,
  of: TokenClass,
  candidates: readonly Block[],
  signal: AbortSignal | undefined,
): Promise<Block> {
  const { device, info } = opened;
  const tokens = TOKENS[of];
  const label = 'measured';
  const { columns, ...most } = SIZES[info.class];
  const rows = Math.min(most.rows, Math.floor(MOST_BYTES / packedRowBytes(type, columns)));
  const data = createData(device, label, rows, packedRowBytes(type, columns), prefersTextures(info));
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM; // of x as in state.ts
  const [x, dst] = [columns, rows].map((width) =>
    device.createBuffer({ label, size: Math.max(tokens * width * 4, UNIFORM_BYTES), usage }),
  ) as [GPUBuffer, GPUBuffer];
  const matrix = {
    name: label,
    type,
    rows,
    columns,
    slices: [{ data, firstRow: 0, rows }],
  };
  const runs = candidates.map((block) => {
    const mulMat = createMulMat(device, info, () => blockKernel(block, tokens));
    return { block, mulMat, shortest: Number.POSITIVE_INFINITY };
  });
  try {
    let spent = 0;
    for (let time = 0; time <= TIMES && (time <= 3 || spent < LONGEST); time++) {
      for (const run of runs) {
        signal?.throwIfAborted();
        const encoder = device.createCommandEncoder({ label });
        const pass = encoder.beginComputePass();
        for (let i = 0; i < inSubmit(tokens); i++) run.mulMat.encode(pass, matrix, x, dst, tokens);
        pass.end();
        const begin = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        if (time === 0) continue; // it was compiled
        const took = performance.now() - begin;
        run.shortest = Math.min(run.shortest, took);
        spent += took;
      }
    }
    opened.check();
  } finally {
    for (const one of [data, x, dst]) one.destroy();
  }
  return runs.reduce((best, run) => (run.shortest < best.shortest * MARGIN ? run : best)).block;
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { cacheFile, knownEntry } from '../adapter/cache.js';
import type { AdapterInfo, OpenedAdapter } from '../adapter/index.js';
import type { TensorInfo } from '../gguf.js';
import type { LlamaTensors } from '../model.js';
import { shaderSource } from '../shader-source.js';
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
import { type Block, SHADERS } from './kernel.js';
import { fastest } from './trial.js';

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

/** A number of tokens of each class. */
const TOKENS: Readonly<Record<TokenClass, number>> = { '1': 1, '2-4': 4, '5-8': 8, '9-32': 32, more: 64 };

/**
 * Puts the fastest blocks for what is to come into `blocks`: those that are known of this adapter, driver and CPU, and others after trying out the few
 * that there are, where the work repays it. On a CPU adapter the result of a product does not depend on the choice (kernel.ts).
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
    const texts = textsOf(type);
    const known = knownBlock(opened.info, type, of, texts, candidates.length);
    if (known) {
      blocks.set(`${type} ${of}`, known);
      continue;
    }
    onProgress?.(`trying out kernels on ${opened.info.name}`);
    const block = await fastest(opened, type, TOKENS[of], candidates, signal);
    if (!block) continue;
    const name = entryOf(opened.info, type, of, texts, candidates);
    cacheFile(`${name}/${FILE}`, () => Buffer.from(`${JSON.stringify(block)}\n`));
    blocks.set(`${type} ${of}`, { ...block, of: candidates.length });
  }
}

/** What is known of an adapter. @example knownBlocks(info) // Map { 'Q8_0 5-8' → { rows: 16, tokens: 8, of: 3 } } */
export function knownBlocks(info: AdapterInfo): Blocks {
  const blocks: Blocks = new Map();
  for (const type of Object.keys(WEIGHT_TYPES) as WeightType[]) {
    const texts = textsOf(type);
    for (const of of TOKEN_CLASSES) {
      const block = knownBlock(info, type, of, texts, 2);
      if (block) blocks.set(`${type} ${of}`, block);
    }
  }
  return blocks;
}

/** The block that was found among the most candidates, of which there were at least so many. */
function knownBlock(
  info: AdapterInfo,
  type: WeightType,
  of: TokenClass,
  texts: string,
  least: number,
): Fastest | undefined {
  const all = candidatesOf(info, of);
  for (let count = all.length; count >= least; count--) {
    const candidates = all.slice(0, count);
    const block = readBlock(entryOf(info, type, of, texts, candidates), candidates);
    if (block) return { ...block, of: count };
  }
  return undefined;
}

const FILE = 'block.json';

/** The hash of all texts that a kernel for the type may be made of. */
const textsOf = (type: WeightType): string => hashOf([...SHADERS, WEIGHT_TYPES[type].shader].map(shaderSource));

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Where in the cache the block is kept: another adapter, driver, CPU, kernel or list of candidates has a place of its own. */
function entryOf(
  { name, backend }: AdapterInfo,
  type: WeightType,
  of: TokenClass,
  texts: string,
  candidates: readonly Block[],
): string {
  const [cpu] = cpus();
  const key = [name, backend, cpu?.model, cpus().length, candidates, texts];
  return `kernel-${type}-${of}-${hashOf(key).slice(0, 16)}`;
}

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

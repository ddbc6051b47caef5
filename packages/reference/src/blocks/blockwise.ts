import type { ModelHeader } from './model-header.js';
import { perBlock } from './per-block.js';

/** Whether a model can be evaluated in the memory of one block, and in how much of it; or why not. */
export type Blockwise = { readonly bytes: number } | { readonly why: string };

/**
 * The architectures of which a test shows that a model of one block computes each block bit for bit. In llama.cpp's source (src/models) nothing
 * of their graphs depends on a block's index or on how many there are, but for the keys below and for what `perBlock` says.
 */
const ARCHITECTURES: readonly string[] = [
  'llama',
  'qwen2',
  'qwen3',
  'qwen3moe',
  'gemma',
  'gemma2',
  'gemma3',
  'gpt-oss',
  'granite',
  'mistral3',
  'olmo2',
  'phi3',
  'starcoder2',
];

/** Hyperparameters by which the first or the last blocks are others, where they are not 0. */
const DIFFERING: readonly string[] = ['nextn_predict_layers', 'leading_dense_block_count'];

/** Tensors of the whole model. */
export const VOCABULARY = ['token_embd.weight', 'output.weight'] as const;
const WHOLE: readonly string[] = [
  ...VOCABULARY,
  'output_norm.weight',
  'output_norm.bias',
  'rope_freqs.weight',
  'rope_factors_long.weight',
  'rope_factors_short.weight',
];

/** @returns how many bytes the largest part has as F32: the block, or what is kept of the vocabulary beside it */
export function blockwise({ architecture, metadata, tensors }: ModelHeader): Blockwise {
  if (!ARCHITECTURES.includes(architecture)) {
    return { why: `of ${architecture} it is not known that all blocks are alike` };
  }
  const layers = Number(metadata[`${architecture}.block_count`]);
  const [own = {}] = perBlock({ architecture, metadata }, 1); // the file may say that it has billions
  for (const [key, value] of Object.entries(metadata)) {
    const name = key.slice(architecture.length + 1);
    if (!key.startsWith(`${architecture}.`) || name in own) continue;
    if (Array.isArray(value) && value.some((each) => each !== value[0])) {
      return { why: `${key} may have another value for each block` };
    }
    if (DIFFERING.includes(name) && Number(value) !== 0) return { why: `by ${key} the blocks differ` };
  }
  const blocks = new Map<number, string[]>();
  let bytes = 0;
  for (const { name, shape } of tensors) {
    const [, layer, rest] = /^blk\.(\d+)\.(.+)$/.exec(name) ?? [];
    if (layer === undefined) {
      if (!WHOLE.includes(name)) return { why: `${name} is a tensor of the whole model that is not known` };
      continue;
    }
    const block = blocks.get(Number(layer)) ?? [];
    blocks.set(Number(layer), block);
    block.push(`${rest} (${shape.join(' × ')})`);
    if (Number(layer) === 0) bytes += 4 * shape.reduce((product, count) => product * count, 1);
  }
  const first = contents(blocks.get(0));
  for (let layer = 1; layer < layers; layer++) {
    if (contents(blocks.get(layer)) !== first) return { why: `block ${layer} has other tensors than block 0` };
  }
  if (blocks.size !== layers) return { why: `the file has ${blocks.size} blocks, and says that there are ${layers}` };
  const vocabularies = tensors.filter(({ name }) => (VOCABULARY as readonly string[]).includes(name)).length;
  return { bytes: bytes + vocabularies * sliceBytes(bytes, vocabularies) };
}

const contents = (block: string[] = []): string => block.sort().join(', ');

const LEAST_SLICE = 8 * 2 ** 20;

/**
 * How large a slice of the vocabulary is, at most: the last block is evaluated once for each, so it is no use to have small ones beside a large block.
 *
 * @param vocabularies how many matrices have as many rows: the embedding, and the head where it is another one
 */
export const sliceBytes = (block: number, vocabularies: number): number =>
  Math.max(LEAST_SLICE, block / 2) / Math.max(1, vocabularies);

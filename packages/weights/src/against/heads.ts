import type { GgufFile } from '@llama-probe/engine';
import type { Heads } from './layouts.js';

/** How the rows of Q, K and V are heads, by the file's metadata; undefined for other tensors, and where the metadata does not say. */
export function headsOf({ metadata }: GgufFile, name: string): Heads | undefined {
  const [, part] = /\battn_([qkv])\.(?:weight|bias)$/.exec(name) ?? [];
  if (!part) return undefined;
  const of = (key: string): number | undefined => {
    const value = metadata[`${metadata['general.architecture']}.${key}`];
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
  };
  const count = of('attention.head_count');
  const embd = of('embedding_length');
  const rows = of(`attention.${part === 'v' ? 'value' : 'key'}_length`) ?? (count && embd ? embd / count : undefined);
  return rows !== undefined && Number.isInteger(rows) && rows > 0 ? { rows, isTurned: part !== 'v' } : undefined;
}

/**
 * Architectures whose Q and K llama.cpp's converter puts from Hugging Face's order (of each head the first half, then the second) into that of
 * pairs, since it turns neighbours for them. Source: convert_hf_to_gguf.py, the classes that call LlamaModel.permute.
 */
const PERMUTED: ReadonlySet<string> = new Set([
  ...['llama', 'deci', 'granite', 'granitemoe', 'minicpm', 'mistral3', 'olmo'],
  ...['arcee', 'smollm3', 'xverse', 'internlm2', 'baichuan'],
]);

export const isPermuted = (architecture: unknown): boolean =>
  typeof architecture === 'string' && PERMUTED.has(architecture);

import type { LlamaConfig } from './config.js';
import type { GgufFile, TensorInfo } from './gguf.js';

const PARTS = { attn_q: 0, attn_k: 1, attn_v: 2 } as const;

/**
 * A tensor of a file under the name that the pass has for it: its own, or rows of `attn_qkv`, in which some converters keep Q, K and V one below the
 * other (llama.cpp v0.5.0, src/models/llama.cpp: views of n_embd_head · n_head rows, then twice n_embd_head · n_head_kv).
 *
 * @param seen is told the name of the tensor in the file
 * @example findTensor(file, config, 'blk.0.attn_k.weight') // rows 128 to 159 of blk.0.attn_qkv.weight
 */
export function findTensor(
  { tensors }: Pick<GgufFile, 'tensors'>,
  config: Pick<LlamaConfig, 'headCount' | 'headCountKv' | 'headDim'>,
  name: string,
  seen?: (name: string) => void,
): TensorInfo | undefined {
  const own = tensors.get(name);
  if (own) {
    seen?.(name);
    return own;
  }
  const [, layer, part, kind] = /^blk\.(\d+)\.(attn_[qkv])\.(weight|bias)$/.exec(name) ?? [];
  const fused = part && tensors.get(`blk.${layer}.attn_qkv.${kind}`);
  if (!fused) return undefined;
  const [q, kv] = [config.headCount * config.headDim, config.headCountKv * config.headDim];
  const all = fused.shape.at(-1) as number;
  if (all !== q + 2 * kv) return undefined;
  seen?.(fused.name);
  const at = PARTS[part as keyof typeof PARTS];
  const rows = at === 0 ? q : kv;
  const bytes = fused.bytes / all; // of a row; of a bias, of a value
  const first = at === 0 ? 0 : q + (at - 1) * kv;
  const shape = [...fused.shape.slice(0, -1), rows];
  return { ...fused, name, shape, offset: fused.offset + first * bytes, bytes: rows * bytes };
}

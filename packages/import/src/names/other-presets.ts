import { lookUp } from '@llama-probe/dump/stage';
import { isKnown, isWhole } from './known.js';
import { type Meaning, type Preset, stage } from './placed.js';

/** A name and the layer that it says, in any of the ways in which people write it. @example 'l_out-3', 'layers.3.l_out', 'blk.3.l_out', '3/l_out' */
export function splitLayer(name: string): { readonly base: string; readonly layer: number | null } {
  const before = /^(?:(?:model\.)?(?:layers?|blocks?|blk|block|h)[._-]?)?(\d+)[._/-](.+)$/.exec(name);
  if (before) return { base: before[2] as string, layer: Number(before[1]) };
  const after = /^(.+?)[._/-](?:layer|blk|block)?[._-]?(\d+)$/.exec(name);
  if (after) return { base: after[1] as string, layer: Number(after[2]) };
  return { base: name, layer: null };
}

/** llama.cpp's nodes (`l_out-3`) and this project's stages, with the layer before or behind. */
export const llamaCpp = {
  title: "llama.cpp's names",
  read(name: string): Meaning | undefined {
    if (isKnown(name)) return isWhole(name) ? stage(name, null) : undefined;
    const { base, layer } = splitLayer(name);
    return layer !== null && isKnown(base) && !isWhole(base) ? stage(base, layer) : undefined;
  },
} satisfies Preset;

/** A table of names in a layer, and of those of the whole model. */
const byTable = (
  title: string,
  inLayer: RegExp,
  layers: Readonly<Record<string, string>>,
  model: Readonly<Record<string, string>>,
): Preset => ({
  title,
  read(name): Meaning | undefined {
    const [, layer, part = ''] = inLayer.exec(name) ?? [];
    const known = layer === undefined ? lookUp(model, name) : lookUp(layers, part);
    return known === undefined ? undefined : stage(known, layer === undefined ? null : Number(layer));
  },
});

/** The products and norms by their weights in a GGUF file, as engines that load it call them. */
export const gguf: Preset = byTable(
  "GGUF's weights",
  /^blk\.(\d+)(?:\.(.+))?$/,
  {
    '': 'l_out',
    attn_norm: 'attn_norm',
    attn_q: 'q_proj',
    attn_k: 'k_proj',
    attn_v: 'v_proj',
    attn_q_norm: 'Qcur_normed',
    attn_k_norm: 'Kcur_normed',
    attn_output: 'attn_out',
    post_attention_norm: 'attn_post_norm',
    ffn_norm: 'ffn_norm',
    ffn_gate: 'ffn_gate',
    ffn_up: 'ffn_up',
    ffn_down: 'ffn_out',
    ffn_gate_inp: 'ffn_moe_logits',
    post_ffw_norm: 'ffn_post_norm',
  },
  { token_embd: 'embd', output_norm: 'result_norm', output: 'result_output' },
);

/** The modules of Meta's own Llama, and of llama2.c's model.py. */
export const meta: Preset = byTable(
  "Meta's and llama2.c's modules",
  /^(?:model\.)?layers\.(\d+)(?:\.(.+))?$/,
  {
    attention_norm: 'attn_norm',
    'attention.wq': 'q_proj',
    'attention.wk': 'k_proj',
    'attention.wv': 'v_proj',
    'attention.wo': 'attn_out',
    ffn_norm: 'ffn_norm',
    'feed_forward.w1': 'ffn_gate',
    'feed_forward.w3': 'ffn_up',
    'feed_forward.w2': 'ffn_out',
  },
  { tok_embeddings: 'embd', norm: 'result_norm', output: 'result_output', logits: 'result_output' },
);

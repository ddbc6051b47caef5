/**
 * GGUF's names for Hugging Face's, by the modules that Llama and its relatives have. Sources: transformers' modeling_llama.py and its copies;
 * gguf-py's tensor_mapping.py for what becomes what.
 */
const MODEL: Readonly<Record<string, string>> = {
  embed_tokens: 'token_embd',
  norm: 'output_norm',
  lm_head: 'output',
};

/** Of a layer. Where a module has two names, the one counts that the GGUF file has. */
const LAYER: Readonly<Record<string, readonly string[]>> = {
  input_layernorm: ['attn_norm'],
  'self_attn.q_proj': ['attn_q'],
  'self_attn.k_proj': ['attn_k'],
  'self_attn.v_proj': ['attn_v'],
  'self_attn.qkv_proj': ['attn_qkv'],
  'self_attn.o_proj': ['attn_output'],
  'self_attn.q_norm': ['attn_q_norm'],
  'self_attn.k_norm': ['attn_k_norm'],
  'self_attn.sinks': ['attn_sinks'],
  post_attention_layernorm: ['post_attention_norm', 'ffn_norm'],
  pre_feedforward_layernorm: ['ffn_norm'],
  post_feedforward_layernorm: ['post_ffw_norm'],
  'mlp.gate_proj': ['ffn_gate'],
  'mlp.up_proj': ['ffn_up'],
  'mlp.gate_up_proj': ['ffn_up'],
  'mlp.down_proj': ['ffn_down'],
  'mlp.gate': ['ffn_gate_inp'],
  'mlp.router': ['ffn_gate_inp'],
  'block_sparse_moe.gate': ['ffn_gate_inp'],
};

/** Of an expert, whose matrices lie one below the other in GGUF. */
const EXPERT: Readonly<Record<string, string>> = {
  gate_proj: 'ffn_gate_exps',
  up_proj: 'ffn_up_exps',
  down_proj: 'ffn_down_exps',
  w1: 'ffn_gate_exps',
  w3: 'ffn_up_exps',
  w2: 'ffn_down_exps',
};

/** What Hugging Face's files have besides, which is computed and no weight. */
const COMPUTED = /rotary_emb|inv_freq|attn\.bias$|masked_bias$|position_ids$/;

/** A GGUF name, and which expert of it, or that it is no weight. */
export type Named = { readonly name: string; readonly expert?: number } | 'computed' | undefined;

/**
 * What a tensor of another file is called in a GGUF file.
 *
 * @param has whether the GGUF file has a name
 * @example ggufName('model.layers.0.self_attn.q_proj.weight', has) // { name: 'blk.0.attn_q.weight' }
 */
export function ggufName(foreign: string, has: (name: string) => boolean): Named {
  for (const name of [foreign, `${foreign}.weight`]) if (has(name)) return { name };
  if (COMPUTED.test(foreign)) return 'computed';
  const [, stem = '', ending] = /^(.*?)(?:\.(weight|bias))?$/.exec(foreign) ?? [];
  const suffix = ending ?? 'weight';
  const bare = stem.replace(/^(?:language_model\.)?(?:model\.)?(?:language_model\.)?/, '');
  const ofModel = MODEL[bare];
  if (ofModel) return { name: `${ofModel}.${suffix}` };
  const [, layer, module = ''] = /^layers\.(\d+)\.(.+)$/.exec(bare) ?? [];
  if (layer === undefined) return undefined;
  const [, expert, part = ''] = /^(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)$/.exec(module) ?? [];
  if (expert !== undefined && EXPERT[part])
    return { name: `blk.${layer}.${EXPERT[part]}.${suffix}`, expert: Number(expert) };
  const names = (LAYER[module] ?? []).map((name) => `blk.${layer}.${name}.${suffix}`);
  const name = names.find(has) ?? names.at(-1);
  return name === undefined ? undefined : { name };
}

/** Whether the names of a file are Hugging Face's. */
export const isHuggingFace = (names: readonly string[]): boolean =>
  names.some((name) => /(^|\.)layers\.\d+\.|embed_tokens|lm_head/.test(name));

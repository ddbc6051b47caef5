import { f32, floats, type GgufParts, type GgufTensor, type GgufValue, i32, list, text, u32 } from '../gguf.js';

/** Architectures that are no Llama, and that llama.cpp runs. */
export type TinyArchitecture =
  | 'gpt-oss'
  | 'gemma2'
  | 'gemma3'
  | 'qwen3'
  | 'qwen3moe'
  | 'olmo2'
  | 'phi3'
  | 'granite'
  | 'smollm3'
  | 'mistral3'
  | 'starcoder2'
  | 'bloom'
  | 'mpt'
  | 'qwen2vl'
  | 'qwen3vl'
  | 'deepseek2';

const N = { layers: 2, embd: 48, heads: 4, kvHeads: 2, headDim: 16, ff: 40, experts: 4, vocab: 64 };
/** How many positions a row sees in the layers that have a window. */
export const TINY_WINDOW = 6;

type Shaped = readonly [name: string, shape: readonly number[]];

const Q = N.heads * N.headDim;
const KV = N.kvHeads * N.headDim;

const projections = (q: number, kv: number): readonly Shaped[] => [
  ['attn_norm.weight', [N.embd]],
  ['attn_q.weight', [N.embd, q]],
  ['attn_k.weight', [N.embd, kv]],
  ['attn_v.weight', [N.embd, kv]],
  ['attn_output.weight', [q, N.embd]],
];
const PROJECTIONS = projections(Q, KV);
/** Of an architecture whose heads are as wide together as the stream. */
const NARROW = projections(N.embd, N.embd / 2);
const FEED_FORWARD: readonly Shaped[] = [
  ['ffn_norm.weight', [N.embd]],
  ['ffn_gate.weight', [N.embd, N.ff]],
  ['ffn_up.weight', [N.embd, N.ff]],
  ['ffn_down.weight', [N.ff, N.embd]],
];
const HEAD_NORMS: readonly Shaped[] = [
  ['attn_q_norm.weight', [N.headDim]],
  ['attn_k_norm.weight', [N.headDim]],
];
const POST_NORMS: readonly Shaped[] = [
  ['post_attention_norm.weight', [N.embd]],
  ['post_ffw_norm.weight', [N.embd]],
];
const EXPERTS: readonly Shaped[] = [
  ['post_attention_norm.weight', [N.embd]],
  ['attn_q.bias', [Q]],
  ['attn_k.bias', [KV]],
  ['attn_v.bias', [KV]],
  ['attn_output.bias', [N.embd]],
  ['attn_sinks.weight', [N.heads]],
  ['ffn_gate_inp.weight', [N.embd, N.experts]],
  ['ffn_gate_inp.bias', [N.experts]],
  ['ffn_gate_exps.weight', [N.embd, N.ff, N.experts]],
  ['ffn_gate_exps.bias', [N.ff, N.experts]],
  ['ffn_up_exps.weight', [N.embd, N.ff, N.experts]],
  ['ffn_up_exps.bias', [N.ff, N.experts]],
  ['ffn_down_exps.weight', [N.ff, N.embd, N.experts]],
  ['ffn_down_exps.bias', [N.embd, N.experts]],
];

const OF_NARROW: Readonly<Record<string, GgufValue>> = Object.fromEntries(
  ['attention.key_length', 'attention.value_length', 'rope.dimension_count'].map((name) => [
    name,
    u32(N.embd / N.heads),
  ]),
);

/** Six heads, which is no power of two: then ALiBi's slopes are of two kinds. */
export const TINY_ALIBI_HEADS = 6;
const OF_ALIBI: Readonly<Record<string, GgufValue>> = {
  'attention.head_count': u32(TINY_ALIBI_HEADS),
  'attention.head_count_kv': u32(TINY_ALIBI_HEADS),
  'attention.key_length': u32(N.embd / TINY_ALIBI_HEADS),
  'attention.value_length': u32(N.embd / TINY_ALIBI_HEADS),
  'attention.layer_norm_epsilon': f32(1e-5),
};
/** No rotation; Q, K and V of one matrix, and nothing is gated. */
const FUSED_AND_PLAIN: readonly Shaped[] = [
  ['attn_norm.weight', [N.embd]],
  ['attn_qkv.weight', [N.embd, 3 * N.embd]],
  ['attn_output.weight', [N.embd, N.embd]],
  ['ffn_norm.weight', [N.embd]],
  ['ffn_up.weight', [N.embd, N.ff]],
  ['ffn_down.weight', [N.ff, N.embd]],
];
/** A bias for each weight of a layer. */
const biasesOf = (layer: readonly Shaped[]): readonly Shaped[] =>
  layer.map(([name, shape]) => [name.replace('weight', 'bias'), shape.slice(-1)]);

/** How many pairs of a head turn by each of a token's four positions; text has none of the fourth kind, whose pairs stay. */
export const TINY_SECTIONS = [2, 1, 2, 1];

/** Latent attention: Q and the cache go through a narrow row each, and only a part of a head is turned. */
export const TINY_LATENT = { heads: 3, q: 24, kv: 32, plain: 16, turned: 8, value: 20 };
const LATENT_ATTENTION: readonly Shaped[] = [
  ['attn_norm.weight', [N.embd]],
  ['attn_q_a.weight', [N.embd, TINY_LATENT.q]],
  ['attn_q_a_norm.weight', [TINY_LATENT.q]],
  ['attn_q_b.weight', [TINY_LATENT.q, TINY_LATENT.heads * (TINY_LATENT.plain + TINY_LATENT.turned)]],
  ['attn_kv_a_mqa.weight', [N.embd, TINY_LATENT.kv + TINY_LATENT.turned]],
  ['attn_kv_a_norm.weight', [TINY_LATENT.kv]],
  ['attn_k_b.weight', [TINY_LATENT.plain, TINY_LATENT.kv, TINY_LATENT.heads]],
  ['attn_v_b.weight', [TINY_LATENT.kv, TINY_LATENT.value, TINY_LATENT.heads]],
  ['attn_output.weight', [TINY_LATENT.heads * TINY_LATENT.value, N.embd]],
];
const SHARED_EXPERT: readonly Shaped[] = [
  ['ffn_norm.weight', [N.embd]],
  ['ffn_gate_inp.weight', [N.embd, N.experts]],
  ['exp_probs_b.bias', [N.experts]],
  ['ffn_gate_exps.weight', [N.embd, N.ff, N.experts]],
  ['ffn_up_exps.weight', [N.embd, N.ff, N.experts]],
  ['ffn_down_exps.weight', [N.ff, N.embd, N.experts]],
  ['ffn_gate_shexp.weight', [N.embd, N.ff]],
  ['ffn_up_shexp.weight', [N.embd, N.ff]],
  ['ffn_down_shexp.weight', [N.ff, N.embd]],
];

/** What each has beside what all have. */
const KINDS: Readonly<
  Record<
    TinyArchitecture,
    {
      readonly layer: readonly Shaped[];
      /** The first layer's, where it is another one. */
      readonly first?: readonly Shaped[];
      /** Two without it. */
      readonly layers?: number;
      readonly whole?: readonly Shaped[];
      readonly also: Readonly<Record<string, GgufValue>>;
    }
  >
> = {
  'gpt-oss': {
    layer: [...PROJECTIONS, ...EXPERTS],
    also: {
      'attention.sliding_window': u32(TINY_WINDOW),
      expert_count: u32(N.experts),
      expert_used_count: u32(2),
      expert_feed_forward_length: u32(N.ff),
    },
  },
  gemma2: {
    layer: [...PROJECTIONS, ...FEED_FORWARD, ...POST_NORMS],
    also: {
      'attention.sliding_window': u32(TINY_WINDOW),
      attn_logit_softcapping: f32(2),
      final_logit_softcapping: f32(3),
    },
  },
  gemma3: {
    layer: [...PROJECTIONS, ...HEAD_NORMS, ...FEED_FORWARD, ...POST_NORMS],
    also: { 'attention.sliding_window': u32(TINY_WINDOW), 'rope.freq_base_swa': f32(1000) },
  },
  qwen3: { layer: [...PROJECTIONS, ...HEAD_NORMS, ...FEED_FORWARD], also: {} },
  qwen3moe: {
    layer: [
      ...PROJECTIONS,
      ...HEAD_NORMS,
      ['ffn_norm.weight', [N.embd]],
      ['ffn_gate_inp.weight', [N.embd, N.experts]],
      ['ffn_gate_exps.weight', [N.embd, N.ff, N.experts]],
      ['ffn_up_exps.weight', [N.embd, N.ff, N.experts]],
      ['ffn_down_exps.weight', [N.ff, N.embd, N.experts]],
    ],
    also: { expert_count: u32(N.experts), expert_used_count: u32(2), expert_feed_forward_length: u32(N.ff) },
  },
  // Every fourth layer turns nothing.
  // Q grows with the position: after every few of them, here.
  mistral3: {
    layer: [...PROJECTIONS, ...FEED_FORWARD],
    also: {
      'rope.scaling.type': text('yarn'),
      'rope.scaling.factor': f32(4),
      'rope.scaling.original_context_length': u32(5),
      'rope.scaling.yarn_beta_fast': f32(8),
      'rope.scaling.yarn_beta_slow': f32(2),
      'rope.scaling.yarn_log_multiplier': f32(0.7),
      'attention.temperature_scale': f32(0.3),
    },
  },
  smollm3: { layer: [...PROJECTIONS, ...FEED_FORWARD], layers: 4, also: {} },
  // Norms behind attention and feed-forward only, and of all heads of Q and K together.
  olmo2: {
    layer: [
      ...[...NARROW, ...FEED_FORWARD].filter(([name]) => !/^(attn|ffn)_norm/.test(name)),
      ['attn_q_norm.weight', [N.embd]],
      ['attn_k_norm.weight', [N.embd / 2]],
      ...POST_NORMS,
    ],
    also: OF_NARROW,
  },
  // Gate and up in one matrix. llama.cpp gives its residual after attention no name.
  phi3: {
    layer: [
      ...NARROW,
      ...FEED_FORWARD.filter(([name]) => !/^ffn_(gate|up)/.test(name)),
      ['ffn_up.weight', [N.embd, 2 * N.ff]],
    ],
    also: OF_NARROW,
  },
  // LayerNorm, with a bias; nothing is gated.
  starcoder2: {
    layer: [
      ...NARROW,
      ['attn_norm.bias', [N.embd]],
      ['attn_output.bias', [N.embd]],
      ['ffn_norm.weight', [N.embd]],
      ['ffn_norm.bias', [N.embd]],
      ['ffn_up.weight', [N.embd, N.ff]],
      ['ffn_up.bias', [N.ff]],
      ['ffn_down.weight', [N.ff, N.embd]],
      ['ffn_down.bias', [N.embd]],
    ],
    whole: [['output_norm.bias', [N.embd]]],
    also: { ...OF_NARROW, 'attention.layer_norm_epsilon': f32(1e-5) },
  },
  // Distances in place of positions: ALiBi.
  bloom: {
    layer: [...FUSED_AND_PLAIN, ...biasesOf(FUSED_AND_PLAIN)],
    whole: [
      ['token_embd_norm.weight', [N.embd]],
      ['token_embd_norm.bias', [N.embd]],
      ['output_norm.bias', [N.embd]],
    ],
    also: OF_ALIBI,
  },
  // The same without biases, with slopes and bounds of Q, K and V that the file says.
  mpt: {
    layer: FUSED_AND_PLAIN,
    also: { ...OF_ALIBI, 'attention.max_alibi_bias': f32(6), 'attention.clamp_kqv': f32(1.5) },
  },
  // A token has several positions, and the pairs of a head are turned by one or another.
  qwen2vl: {
    layer: [
      ...NARROW,
      ['attn_q.bias', [N.embd]],
      ['attn_k.bias', [N.embd / 2]],
      ['attn_v.bias', [N.embd / 2]],
      ...FEED_FORWARD,
    ],
    also: { ...OF_NARROW, 'rope.dimension_sections': list(TINY_SECTIONS.map(i32)) },
  },
  // The same, and the pairs of each position take turns.
  qwen3vl: {
    layer: [...PROJECTIONS, ...HEAD_NORMS, ...FEED_FORWARD],
    also: { 'rope.dimension_sections': list([3, 2, 2, 1].map(i32)), n_deepstack_layers: u32(0) },
  },
  // The first layer has no experts.
  deepseek2: {
    layer: [...LATENT_ATTENTION, ...SHARED_EXPERT],
    first: [...LATENT_ATTENTION, ...FEED_FORWARD],
    also: {
      'attention.head_count': u32(TINY_LATENT.heads),
      'attention.head_count_kv': u32(1),
      'attention.q_lora_rank': u32(TINY_LATENT.q),
      'attention.kv_lora_rank': u32(TINY_LATENT.kv),
      'attention.key_length': u32(TINY_LATENT.kv + TINY_LATENT.turned),
      'attention.value_length': u32(TINY_LATENT.kv),
      'attention.key_length_mla': u32(TINY_LATENT.plain + TINY_LATENT.turned),
      'attention.value_length_mla': u32(TINY_LATENT.value),
      'rope.dimension_count': u32(TINY_LATENT.turned),
      leading_dense_block_count: u32(1),
      expert_count: u32(N.experts),
      expert_used_count: u32(2),
      expert_shared_count: u32(1),
      expert_feed_forward_length: u32(N.ff),
      expert_weights_norm: { type: 'bool', value: 1 },
      expert_weights_scale: f32(2.5),
      expert_gating_func: u32(2),
    },
  },
  // What attention and feed-forward give is added times a number.
  granite: {
    layer: [...PROJECTIONS, ...FEED_FORWARD],
    also: { residual_scale: f32(0.5), 'attention.scale': f32(0.25), embedding_scale: f32(2), logit_scale: f32(3) },
  },
};

export const TINY_ARCHITECTURES = Object.keys(KINDS) as TinyArchitecture[];

/** What a model has in place of what its architecture has otherwise. */
export interface TinyVariation {
  readonly layers?: number;
  /** Further hyperparameters, by their keys without the architecture. */
  readonly also?: Readonly<Record<string, GgufValue>>;
}

/** A random F32 model of an architecture, as the parts of a GGUF file. Its stages are about 1. */
export function tinyArchitecture(
  architecture: TinyArchitecture,
  random: () => number,
  variation: TinyVariation = {},
): GgufParts {
  const { layer, first = layer, whole = [], also, ...kind } = KINDS[architecture];
  const layers = variation.layers ?? kind.layers ?? N.layers;
  const inLayer = (il: number) =>
    (il === 0 ? first : layer).map(([name, shape]): Shaped => [`blk.${il}.${name}`, shape]);
  const shapes: Shaped[] = [
    ['token_embd.weight', [N.embd, N.vocab]],
    ...Array.from({ length: layers }, (_, il) => inLayer(il)).flat(),
    ['output_norm.weight', [N.embd]],
    ...whole,
    ...(architecture.startsWith('gemma') ? [] : [['output.weight', [N.embd, N.vocab]] as Shaped]),
  ];
  const tensor = ([name, shape]: Shaped): GgufTensor => {
    const [columns = 1] = shape;
    const isNorm = name.endsWith('norm.weight');
    const value = isNorm
      ? () => 0.5 + random()
      : () => (2 * random() - 1) * (shape.length > 1 ? Math.sqrt(3 / columns) : 1);
    return floats(name, [...shape], Float32Array.from({ length: shape.reduce((a, b) => a * b) }, value));
  };
  const hyperparameters: Record<string, GgufValue> = {
    block_count: u32(layers),
    embedding_length: u32(N.embd),
    feed_forward_length: u32(N.ff),
    'attention.head_count': u32(N.heads),
    'attention.head_count_kv': u32(N.kvHeads),
    'attention.key_length': u32(N.headDim),
    'attention.value_length': u32(N.headDim),
    'attention.layer_norm_rms_epsilon': f32(1e-5),
    'rope.dimension_count': u32(N.headDim),
    'rope.freq_base': f32(10000),
    vocab_size: u32(N.vocab),
    context_length: u32(128),
    ...also,
    ...variation.also,
  };
  return {
    metadata: {
      'general.architecture': text(architecture),
      'general.file_type': u32(0),
      'tokenizer.ggml.model': text('no_vocab'),
      ...Object.fromEntries(Object.entries(hyperparameters).map(([key, value]) => [`${architecture}.${key}`, value])),
    },
    tensors: shapes.map(tensor),
  };
}

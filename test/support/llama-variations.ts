import {
  f32,
  type GgufParts,
  type GgufTensor,
  type GgufValue,
  type LlamaSizes,
  list,
  randomFrom,
  text,
  tinyLlama,
  tokenizer,
  u32,
} from '@llama-probe/testing';
import { GGML_TYPES } from '../../packages/engine/src/ggml-types.js';

const SIZES = { layers: 2, embd: 256, heads: 4, kvHeads: 2, headDim: 64, ff: 256, vocab: 32, context: 16 };
const { tokens, metadata: spelling } = tokenizer();

type Change = (parts: GgufParts) => void;

/** A variation of a Llama, and what becomes of it: it is computed as llama.cpp does, or refused with a code. llama.cpp runs what is computed, and refuses what is refused. */
export interface LlamaVariation {
  readonly name: string;
  readonly sizes?: Partial<LlamaSizes>;
  readonly changes?: readonly Change[];
  readonly outcome: 'computed' | string;
  /** Where it does otherwise: what the engine does not compute yet. */
  readonly llama?: 'runs';
  /** The engine cannot know whether llama.cpp runs it, and says what to do in either case. */
  readonly isUnsure?: boolean;
}

/** Whether llama.cpp runs it. */
export const isRun = ({ outcome, llama }: LlamaVariation): boolean => outcome === 'computed' || llama === 'runs';

/** The model of a variation. */
export function variationOf({ sizes = {}, changes = [] }: LlamaVariation): GgufParts {
  const parts = tinyLlama({ ...SIZES, ...sizes }, randomFrom(1));
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  for (const change of changes) change(parts);
  return parts;
}

const set =
  (key: string, value: GgufValue): Change =>
  ({ metadata }) => {
    metadata[`llama.${key}`] = value;
  };
const without =
  (...keys: readonly string[]): Change =>
  ({ metadata }) => {
    for (const key of keys) delete metadata[`llama.${key}`];
  };
const bool = (value: boolean): GgufValue => ({ type: 'bool', value: Number(value) });
const tensor = ({ tensors }: GgufParts, name: string) => tensors.find((one) => one.name === name) as GgufTensor;
const change =
  (name: string, of: (one: GgufTensor) => Partial<GgufTensor>): Change =>
  (parts) => {
    const one = tensor(parts, name);
    Object.assign(one, of(one));
  };
/** A matrix in another type, all zeros. */
const typed = (type: string, name = 'blk.0.attn_q.weight'): Change =>
  change(name, ({ shape }) => {
    const found = Object.entries(GGML_TYPES).find(([, one]) => one.name === type);
    const [number, { elements, bytes }] = found as [string, { elements: number; bytes: number }];
    const count = shape.reduce((product: number, length) => product * Number(length), 1);
    return { type: Number(number), data: new Uint8Array((count / elements) * bytes) };
  });
/** A vector of halves, all 1. */
const halves = (name: string): Change =>
  change(name, ({ data }) => {
    const ones = new Uint8Array(data.byteLength / 2);
    for (let i = 1; i < ones.length; i += 2) ones[i] = 0x3c;
    return { type: 1, data: ones };
  });
/** Its first rows, or its vector of other values. */
const shaped = (name: string, ...shape: readonly number[]): Change =>
  change(name, ({ data }) => {
    const bytes = 4 * shape.reduce((product, length) => product * length, 1);
    const more = new Uint8Array(bytes);
    more.set(data.subarray(0, bytes));
    return { shape: [...shape], data: more };
  });
const added =
  (name: string, ...shape: readonly number[]): Change =>
  ({ tensors }) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.5 + (i % 7) / 8);
    tensors.push({ name, type: 0, shape: [...shape], data: new Uint8Array(values.buffer) });
  };
const removed =
  (name: string): Change =>
  ({ tensors }) => {
    tensors.splice(
      tensors.findIndex((one) => one.name === name),
      1,
    );
  };
const both = (make: (il: number) => Change): Change[] => [make(0), make(1)];
const lists = (value: number, count = 2): GgufValue => list(Array.from({ length: count }, () => u32(value)));

const yarn = (...more: readonly Change[]): readonly Change[] => [
  set('rope.scaling.type', text('yarn')),
  set('rope.scaling.factor', f32(4)),
  set('rope.scaling.original_context_length', u32(8)),
  ...more,
];

export const LLAMA_VARIATIONS: readonly LlamaVariation[] = [
  { name: 'as it is', outcome: 'computed' },

  // Its tensors
  { name: 'a head that is the embedding', sizes: { tied: true }, outcome: 'computed' },
  { name: 'biases of Q, K and V', sizes: { biases: true }, outcome: 'computed' },
  { name: 'a bias of the output projection', sizes: { outputBias: true }, outcome: 'computed' },
  { name: 'biases of the whole feed-forward', sizes: { ffBiases: true }, outcome: 'computed' },
  {
    name: 'a bias of a part of the feed-forward',
    changes: both((il) => added(`blk.${il}.ffn_up.bias`, 256)),
    outcome: 'computed',
  },
  { name: 'a bias in one layer only', changes: [added('blk.1.attn_q.bias', 256)], outcome: 'computed' },
  { name: 'Q, K and V in one', sizes: { fused: true }, outcome: 'computed' },
  {
    name: 'Q, K and V in one, with their biases',
    sizes: { fused: true },
    changes: both((il) => added(`blk.${il}.attn_qkv.bias`, 512)),
    outcome: 'computed',
  },
  { name: 'Q, K and V in one, with biases apart', sizes: { fused: true, biases: true }, outcome: 'computed' },
  { name: 'factors of RoPE', sizes: { ropeFreqs: true }, outcome: 'computed' },
  { name: 'a missing tensor', changes: [removed('blk.0.attn_v.weight')], outcome: 'model-tensor' },
  { name: 'no norm before the head', changes: [removed('output_norm.weight')], outcome: 'model-tensor' },
  {
    name: 'a tensor that no Llama has',
    changes: [added('blk.0.attn_sinks.weight', 4)],
    outcome: 'model-tensor',
    isUnsure: true,
  },
  { name: 'a norm of Q', changes: [added('blk.0.attn_q_norm.weight', 64)], outcome: 'model-tensor', isUnsure: true },
  { name: 'a bias of a norm', changes: [added('blk.0.attn_norm.bias', 256)], outcome: 'model-tensor', isUnsure: true },
  { name: 'a head of other rows', changes: [shaped('output.weight', 256, 31)], outcome: 'model-tensor' },
  { name: 'a norm of other values', changes: [shaped('blk.1.ffn_norm.weight', 128)], outcome: 'model-tensor' },
  { name: 'factors of RoPE of another head', changes: [added('rope_freqs.weight', 16)], outcome: 'model-tensor' },
  {
    name: 'a matrix that is turned',
    changes: [shaped('blk.0.attn_k.weight', 128, 256)],
    outcome: 'model-tensor',
  },

  // How large it is
  { name: 'as many KV heads as heads', sizes: { kvHeads: 4 }, outcome: 'computed' },
  { name: 'one KV head', sizes: { kvHeads: 1 }, outcome: 'computed' },
  { name: 'heads that are narrower than the stream', sizes: { headDim: 32 }, outcome: 'computed' },
  { name: 'heads that are wider than the stream', sizes: { headDim: 96 }, outcome: 'computed' },
  { name: 'one layer', sizes: { layers: 1 }, outcome: 'computed' },
  { name: 'a feed-forward that is narrower than the stream', sizes: { ff: 96 }, outcome: 'computed' },
  {
    name: 'no width of a head, nor what of it is turned',
    changes: [without('attention.key_length', 'attention.value_length', 'rope.dimension_count')],
    outcome: 'computed',
  },
  { name: 'no rope.dimension_count', changes: [without('rope.dimension_count')], outcome: 'computed' },
  { name: 'no number of KV heads', changes: [without('attention.head_count_kv')], outcome: 'model-tensor' },
  ...['block_count', 'embedding_length', 'attention.head_count', 'context_length'].map((key) => ({
    name: `no ${key}`,
    changes: [without(key)],
    outcome: 'model-metadata',
  })),
  { name: 'no epsilon', changes: [without('attention.layer_norm_rms_epsilon')], outcome: 'model-metadata' },
  { name: 'no vocab_size', changes: [without('vocab_size')], outcome: 'model-metadata' },
  { name: 'no freq_base', changes: [without('rope.freq_base')], outcome: 'computed' },
  { name: 'more layers than it has', changes: [set('block_count', u32(3))], outcome: 'model-tensor' },
  { name: 'fewer layers than it has', changes: [set('block_count', u32(1))], outcome: 'model-tensor' },
  {
    name: 'a last layer that predicts further tokens',
    changes: [set('nextn_predict_layers', u32(1))],
    outcome: 'model-metadata',
  },
  { name: 'another width of what comes out', changes: [set('embedding_length_out', u32(128))], outcome: 'computed' },
  {
    name: 'heads of another width in windows',
    changes: [set('attention.key_length_swa', u32(32))],
    outcome: 'computed',
  },
  { name: 'another feed_forward_length', changes: [set('feed_forward_length', u32(512))], outcome: 'model-tensor' },
  {
    name: 'heads for each layer, the same',
    changes: [set('attention.head_count', lists(4)), set('feed_forward_length', lists(256))],
    outcome: 'computed',
  },
  {
    name: 'KV heads for each layer, the same',
    changes: [set('attention.head_count_kv', lists(2))],
    outcome: 'computed',
  },
  {
    name: 'KV heads that differ',
    changes: [
      set('attention.head_count_kv', list([u32(2), u32(1)])),
      shaped('blk.1.attn_k.weight', 256, 64),
      shaped('blk.1.attn_v.weight', 256, 64),
    ],
    outcome: 'model-metadata',
  },
  {
    name: 'heads for another number of layers',
    changes: [set('attention.head_count', lists(4, 3))],
    outcome: 'model-metadata',
  },
  {
    name: 'heads that KV heads do not divide',
    changes: [set('attention.head_count_kv', u32(3))],
    outcome: 'model-metadata',
  },
  {
    name: 'values of other lengths than keys',
    changes: [
      set('attention.value_length', u32(32)),
      ...both((il) => shaped(`blk.${il}.attn_v.weight`, 256, 64)),
      ...both((il) => shaped(`blk.${il}.attn_output.weight`, 128, 256)),
    ],
    outcome: 'model-metadata',
  },
  {
    name: 'a vocab_size above the tokens that it has',
    sizes: { vocab: tokens.length },
    changes: [({ metadata }) => Object.assign(metadata, spelling), set('vocab_size', u32(tokens.length + 9))],
    outcome: 'computed',
  },
  {
    name: 'a vocab_size above the rows, without tokens',
    changes: [set('vocab_size', u32(40))],
    outcome: 'model-tensor',
  },
  {
    name: 'a vocab_size below the rows, without tokens',
    changes: [set('vocab_size', u32(30))],
    outcome: 'model-tensor',
  },

  // Positions
  { name: 'half of each head rotated', changes: [set('rope.dimension_count', u32(32))], outcome: 'model-metadata' },
  { name: 'another base', changes: [set('rope.freq_base', f32(5e5))], outcome: 'computed' },
  { name: 'a base for windows', changes: [set('rope.freq_base_swa', f32(100))], outcome: 'computed' },
  {
    name: 'linear positions',
    changes: [set('rope.scaling.type', text('linear')), set('rope.scaling.factor', f32(4))],
    outcome: 'computed',
  },
  { name: 'linear positions by the old key', changes: [set('rope.scale_linear', f32(4))], outcome: 'computed' },
  { name: 'a factor and no type', changes: [set('rope.scaling.factor', f32(4))], outcome: 'computed' },
  {
    name: 'a factor and the type none',
    changes: [set('rope.scaling.type', text('none')), set('rope.scaling.factor', f32(4))],
    outcome: 'computed',
  },
  {
    name: 'a type that nobody knows',
    changes: [set('rope.scaling.type', text('dynamic'))],
    outcome: 'model-architecture',
  },
  { name: 'a magnitude of RoPE', changes: [set('rope.scaling.attn_factor', f32(1.2))], outcome: 'computed' },
  { name: 'YaRN', changes: yarn(), outcome: 'computed' },
  { name: 'YaRN with a magnitude', changes: yarn(set('rope.scaling.attn_factor', f32(1.2))), outcome: 'computed' },
  {
    name: 'YaRN without the context that it was trained with',
    changes: yarn(without('rope.scaling.original_context_length')),
    outcome: 'computed',
  },
  { name: 'YaRN by a factor of 1', changes: yarn(set('rope.scaling.factor', f32(1))), outcome: 'computed' },
  { name: 'YaRN with factors of RoPE', sizes: { ropeFreqs: true }, changes: yarn(), outcome: 'computed' },
  {
    name: 'a longrope, long',
    sizes: { longRope: true },
    changes: yarn(set('rope.scaling.type', text('longrope'))),
    outcome: 'computed',
  },
  {
    name: 'a longrope, short',
    sizes: { longRope: true },
    changes: yarn(set('rope.scaling.type', text('longrope')), set('rope.scaling.original_context_length', u32(4096))),
    outcome: 'computed',
  },
  {
    name: 'a longrope without its factors',
    changes: yarn(set('rope.scaling.type', text('longrope'))),
    outcome: 'computed',
  },

  {
    name: 'positions that say that they were not tuned',
    changes: yarn(set('rope.scaling.finetuned', bool(false))),
    outcome: 'computed',
  },
  { name: 'an alpha of RoPE', changes: [set('rope.scaling.alpha', f32(2))], outcome: 'computed' },

  // Attention
  { name: 'attention to what comes after', changes: [set('attention.causal', bool(false))], outcome: 'computed' },
  {
    name: 'attention that says that it is causal',
    changes: [set('attention.causal', bool(true))],
    outcome: 'computed',
  },
  { name: 'a window', changes: [set('attention.sliding_window', u32(2))], outcome: 'computed' },
  { name: 'a scale of attention', changes: [set('attention.scale', f32(0.5))], outcome: 'computed' },
  { name: 'bent scores', changes: [set('attn_logit_softcapping', f32(1))], outcome: 'computed' },
  { name: 'bent logits', changes: [set('final_logit_softcapping', f32(1))], outcome: 'computed' },
  { name: 'slopes of ALiBi', changes: [set('attention.max_alibi_bias', f32(8))], outcome: 'computed' },
  { name: 'Q, K and V clamped', changes: [set('attention.clamp_kqv', f32(0.1))], outcome: 'computed' },
  {
    name: 'scores that grow with the position',
    changes: [set('attention.temperature_scale', f32(0.3))],
    outcome: 'computed',
  },

  // What granite and others are scaled by
  ...['logit_scale', 'residual_scale', 'embedding_scale'].map((key) => ({
    name: `a ${key}`,
    changes: [set(key, f32(3))],
    outcome: 'computed',
  })),
  { name: 'an epsilon of 0.1', changes: [set('attention.layer_norm_rms_epsilon', f32(0.1))], outcome: 'computed' },
  { name: 'a parallel residual', changes: [set('use_parallel_residual', bool(true))], outcome: 'computed' },
  { name: 'a key that nobody knows', changes: [set('something', u32(1))], outcome: 'computed' },

  // Experts
  { name: 'a mixture of experts', sizes: { experts: 2 }, outcome: 'computed' },
  { name: 'five experts', sizes: { experts: 5 }, outcome: 'computed' },
  {
    name: 'one expert of four for a token',
    sizes: { experts: 4 },
    changes: [set('expert_used_count', u32(1))],
    outcome: 'computed',
  },
  {
    name: 'more experts for a token than there are',
    sizes: { experts: 4 },
    changes: [set('expert_used_count', u32(5))],
    outcome: 'model-metadata',
  },
  {
    name: 'no number of experts for a token',
    sizes: { experts: 4 },
    changes: [without('expert_used_count')],
    outcome: 'model-metadata',
  },
  {
    name: 'experts that are not weighted to a sum of 1',
    sizes: { experts: 4 },
    changes: [set('expert_weights_norm', bool(false))],
    outcome: 'computed',
  },
  {
    name: 'experts that are weighted by a number',
    sizes: { experts: 4 },
    changes: [set('expert_weights_scale', f32(2.5))],
    outcome: 'computed',
  },
  {
    name: 'experts that are chosen by a sigmoid',
    sizes: { experts: 4 },
    changes: [set('expert_gating_func', u32(2))],
    outcome: 'computed',
  },
  {
    name: 'a number of experts for each layer, the same',
    sizes: { experts: 4 },
    changes: [set('expert_used_count', lists(2))],
    outcome: 'computed',
  },
  {
    name: 'another number of experts in each layer',
    sizes: { experts: 4 },
    changes: [set('expert_used_count', list([u32(1), u32(2)]))],
    outcome: 'model-metadata',
  },
  {
    name: 'experts in groups, of which one is used',
    sizes: { experts: 4 },
    changes: [set('expert_group_count', u32(2)), set('expert_group_used_count', u32(1))],
    outcome: 'model-architecture',
    llama: 'runs',
  },
  {
    name: 'experts in one group',
    sizes: { experts: 4 },
    changes: [set('expert_group_count', u32(1)), set('expert_group_used_count', u32(1))],
    outcome: 'computed',
  },
  { name: 'experts without a number of them', changes: [set('expert_count', u32(4))], outcome: 'model-metadata' },

  // Types
  { name: 'a norm of halves', changes: [halves('blk.0.attn_norm.weight')], outcome: 'model-tensor-type' },
  {
    name: 'a bias of halves',
    sizes: { biases: true },
    changes: [halves('blk.0.attn_q.bias')],
    outcome: 'model-tensor-type',
  },
  ...['F16', 'BF16', 'Q3_K', 'IQ2_XXS', 'NVFP4'].map((type) => ({
    name: type,
    changes: [typed(type)],
    outcome: 'computed',
  })),
  { name: 'an embedding of Q4_K', changes: [typed('Q4_K', 'token_embd.weight')], outcome: 'computed' },
  { name: 'a head of IQ3_S', changes: [typed('IQ3_S', 'output.weight')], outcome: 'computed' },
  ...['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64'].map((type) => ({
    name: type,
    changes: [typed(type)],
    outcome: 'model-tensor-type',
  })),
];

import { f32, floats, type GgufParts, type GgufTensor, text, u32 } from '../gguf.js';

export interface LlamaSizes {
  layers: number;
  embd: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ff: number;
  vocab: number;
  context: number;
  /** Q, K and V have a bias. */
  biases?: boolean;
  /** The attention's output has a bias. */
  outputBias?: boolean;
  /** Gate, up and down of the feed-forward have biases. */
  ffBiases?: boolean;
  /** rope_factors_long.weight and rope_factors_short.weight, as a longrope has them. */
  longRope?: boolean;
  /** One matrix makes Q, K and V. */
  fused?: boolean;
  /** No output.weight: the embedding is the head. */
  tied?: boolean;
  /** rope_freqs.weight, as Llama 3 has it. */
  ropeFreqs?: boolean;
  /** An architecture that is a Llama but for how RoPE pairs values (qwen2), for its activation (gemma), or with `isPlain` (starcoder2). */
  architecture?: 'llama' | 'qwen2' | 'gemma' | 'starcoder2';
  /** Biases of the norms and the feed-forward, which has no gate, as before Llama. */
  isPlain?: boolean;
  /** A mixture of so many feed-forwards, two of which are used. */
  experts?: number;
}

type Shaped = [name: string, shape: number[]];

/** Every tensor that such a model has, in GGUF's order: its name, and its shape, the length of a row first. */
export function llamaShapes(s: LlamaSizes): Shaped[] {
  const q = s.heads * s.headDim;
  const kv = s.kvHeads * s.headDim;
  const projections: Shaped[] = s.fused
    ? [['attn_qkv.weight', [s.embd, q + 2 * kv]]]
    : [
        ['attn_q.weight', [s.embd, q]],
        ['attn_k.weight', [s.embd, kv]],
        ['attn_v.weight', [s.embd, kv]],
      ];
  const biases: Shaped[] = [
    ['attn_q.bias', [q]],
    ['attn_k.bias', [kv]],
    ['attn_v.bias', [kv]],
  ];
  const [of, experts] = s.experts === undefined ? ['', []] : ['_exps', [s.experts]];
  const normBias = (name: string): Shaped[] => (s.isPlain ? [[`${name}.bias`, [s.embd]]] : []);
  const layer: Shaped[] = [
    ['attn_norm.weight', [s.embd]],
    ...normBias('attn_norm'),
    ...projections,
    ...(s.biases ? biases : []),
    ['attn_output.weight', [q, s.embd]],
    ...(s.outputBias ? [['attn_output.bias', [s.embd]] as Shaped] : []),
    ['ffn_norm.weight', [s.embd]],
    ...normBias('ffn_norm'),
    ...experts.map((count): Shaped => ['ffn_gate_inp.weight', [s.embd, count]]),
    ...(s.isPlain ? [] : [[`ffn_gate${of}.weight`, [s.embd, s.ff, ...experts]] as Shaped]),
    ...(s.ffBiases ? [['ffn_gate.bias', [s.ff]] as Shaped] : []),
    [`ffn_up${of}.weight`, [s.embd, s.ff, ...experts]],
    ...(s.isPlain || s.ffBiases ? [['ffn_up.bias', [s.ff]] as Shaped] : []),
    [`ffn_down${of}.weight`, [s.ff, s.embd, ...experts]],
    ...(s.isPlain || s.ffBiases ? [['ffn_down.bias', [s.embd]] as Shaped] : []),
  ];
  return [
    ['token_embd.weight', [s.embd, s.vocab]],
    ...Array.from({ length: s.layers }, (_, il) =>
      layer.map(([name, shape]): Shaped => [`blk.${il}.${name}`, shape]),
    ).flat(),
    ['output_norm.weight', [s.embd]],
    ...normBias('output_norm'),
    ...(s.tied ? [] : [['output.weight', [s.embd, s.vocab]] as Shaped]),
    ...(s.ropeFreqs ? [['rope_freqs.weight', [s.headDim / 2]] as Shaped] : []),
    ...['long', 'short'].flatMap((name): Shaped[] =>
      s.longRope ? [[`rope_factors_${name}.weight`, [s.headDim / 2]]] : [],
    ),
  ];
}

/** A Llama of random F32 weights, as the parts of a GGUF file. Numbers are such that all stages are about 1. */
export function tinyLlama(s: LlamaSizes, random: () => number): GgufParts {
  const tensor = ([name, shape]: Shaped): GgufTensor => {
    const [columns = 1, ...rows] = shape;
    const value = name.startsWith('rope_f')
      ? () => 1 + 7 * random()
      : rows.length === 0
        ? () => 0.5 + random()
        : () => (random() * 2 - 1) * Math.sqrt(3 / columns);
    return floats(name, shape, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, value));
  };
  const { architecture = 'llama' } = s;
  const hyperparameters = {
    block_count: u32(s.layers),
    embedding_length: u32(s.embd),
    feed_forward_length: u32(s.ff),
    'attention.head_count': u32(s.heads),
    'attention.head_count_kv': u32(s.kvHeads),
    'attention.key_length': u32(s.headDim),
    'attention.value_length': u32(s.headDim),
    'rope.dimension_count': u32(s.headDim),
    vocab_size: u32(s.vocab),
    context_length: u32(s.context),
    [s.isPlain ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon']: f32(1e-5),
    'rope.freq_base': f32(10000),
    ...(s.experts === undefined ? {} : { expert_count: u32(s.experts), expert_used_count: u32(2) }),
  };
  return {
    metadata: {
      'general.architecture': text(architecture),
      'general.file_type': u32(0),
      ...Object.fromEntries(Object.entries(hyperparameters).map(([key, value]) => [`${architecture}.${key}`, value])),
    },
    tensors: llamaShapes(s).map(tensor),
  };
}

/** The same model for the oracle's `forward`. */
export function oracleOf(s: LlamaSizes, { tensors }: GgufParts) {
  const config = {
    embeddingLength: s.embd,
    headCount: s.heads,
    headCountKv: s.kvHeads,
    headDim: s.headDim,
    rmsEpsilon: Math.fround(1e-5),
    ropeFreqBase: 10000,
    ropeFreqScale: 1,
    attentionScale: 1 / Math.sqrt(s.headDim),
  };
  return llamaModel(config, s.layers, (name) => {
    const data = tensors.find((each) => each.name === name)?.data;
    return data && Float64Array.from(new Float32Array(data.buffer, data.byteOffset, data.length / 4));
  });
}

/** Weights by their names in a file, as the oracle has them. */
export function llamaModel<Config>(config: Config, layers: number, find: (name: string) => Float64Array | undefined) {
  const get = (name: string): Float64Array => {
    const values = find(name);
    if (!values) throw new Error(`the tiny model has no ${name}`);
    return values;
  };
  const layer = (il: number) => {
    const weight = (name: string) => get(`blk.${il}.${name}.weight`);
    const bias = (name: string) => get(`blk.${il}.${name}.bias`);
    return {
      attnNorm: weight('attn_norm'),
      attnQ: weight('attn_q'),
      attnK: weight('attn_k'),
      attnV: weight('attn_v'),
      ...(find(`blk.${il}.attn_q.bias`) && {
        attnQBias: bias('attn_q'),
        attnKBias: bias('attn_k'),
        attnVBias: bias('attn_v'),
      }),
      attnOutput: weight('attn_output'),
      ffnNorm: weight('ffn_norm'),
      ffnGate: weight('ffn_gate'),
      ffnUp: weight('ffn_up'),
      ffnDown: weight('ffn_down'),
    };
  };
  const ropeFreqs = find('rope_freqs.weight');
  return {
    config,
    tokenEmbd: get('token_embd.weight'),
    blk: Array.from({ length: layers }, (_, il) => layer(il)),
    outputNorm: get('output_norm.weight'),
    output: find('output.weight') ?? get('token_embd.weight'),
    ...(ropeFreqs && { ropeFreqs }),
  };
}

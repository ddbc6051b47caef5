import type { OracleLayer, OracleModel } from '../../oracle/src/index.js';
import { f32, floats, type GgufParts, type GgufTensor, text, u32 } from './gguf-writer.js';

export interface TinySizes {
  layers: number;
  embd: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  ff: number;
  vocab: number;
  context: number;
  biases?: boolean;
  /** No output.weight: the embedding is the head. */
  tied?: boolean;
  /** rope_freqs.weight, as Llama 3 has it. */
  ropeFreqs?: boolean;
}

/** A llama model of random F32 weights, as the parts of a GGUF file. Numbers are such that all stages are about 1. */
export function tinyLlama(s: TinySizes, random: () => number): GgufParts {
  const matrix = (name: string, columns: number, rows: number) =>
    floats(
      name,
      [columns, rows],
      fill(columns * rows, () => (random() * 2 - 1) * Math.sqrt(3 / columns)),
    );
  const vector = (name: string, length: number) =>
    floats(
      name,
      [length],
      fill(length, () => 0.5 + random()),
    );
  const q = s.heads * s.headDim;
  const kv = s.kvHeads * s.headDim;
  const layer = (il: number): GgufTensor[] => [
    vector(`blk.${il}.attn_norm.weight`, s.embd),
    matrix(`blk.${il}.attn_q.weight`, s.embd, q),
    matrix(`blk.${il}.attn_k.weight`, s.embd, kv),
    matrix(`blk.${il}.attn_v.weight`, s.embd, kv),
    ...(s.biases
      ? [vector(`blk.${il}.attn_q.bias`, q), vector(`blk.${il}.attn_k.bias`, kv), vector(`blk.${il}.attn_v.bias`, kv)]
      : []),
    matrix(`blk.${il}.attn_output.weight`, q, s.embd),
    vector(`blk.${il}.ffn_norm.weight`, s.embd),
    matrix(`blk.${il}.ffn_gate.weight`, s.embd, s.ff),
    matrix(`blk.${il}.ffn_up.weight`, s.embd, s.ff),
    matrix(`blk.${il}.ffn_down.weight`, s.ff, s.embd),
  ];
  return {
    metadata: {
      'general.architecture': text('llama'),
      'llama.block_count': u32(s.layers),
      'llama.embedding_length': u32(s.embd),
      'llama.feed_forward_length': u32(s.ff),
      'llama.attention.head_count': u32(s.heads),
      'llama.attention.head_count_kv': u32(s.kvHeads),
      'llama.attention.key_length': u32(s.headDim),
      'llama.attention.value_length': u32(s.headDim),
      'llama.rope.dimension_count': u32(s.headDim),
      'llama.vocab_size': u32(s.vocab),
      'llama.context_length': u32(s.context),
      'llama.attention.layer_norm_rms_epsilon': f32(1e-5),
      'llama.rope.freq_base': f32(10000),
    },
    tensors: [
      matrix('token_embd.weight', s.embd, s.vocab),
      ...Array.from({ length: s.layers }, (_, il) => layer(il)).flat(),
      vector('output_norm.weight', s.embd),
      ...(s.tied ? [] : [matrix('output.weight', s.embd, s.vocab)]),
      ...(s.ropeFreqs
        ? [
            floats(
              'rope_freqs.weight',
              [s.headDim / 2],
              fill(s.headDim / 2, () => 1 + 7 * random()),
            ),
          ]
        : []),
    ],
  };
}

/** The same model for the oracle. */
export function oracleOf(s: TinySizes, { tensors }: GgufParts): OracleModel {
  const found = (name: string): Float64Array | undefined => {
    const tensor = tensors.find((each) => each.name === name);
    if (!tensor) return undefined;
    return Float64Array.from(new Float32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length / 4));
  };
  const get = (name: string) => found(name) as Float64Array;
  const layer = (il: number): OracleLayer => {
    const weight = (name: string) => get(`blk.${il}.${name}.weight`);
    const bias = (name: string) => get(`blk.${il}.${name}.bias`);
    return {
      attnNorm: weight('attn_norm'),
      attnQ: weight('attn_q'),
      attnK: weight('attn_k'),
      attnV: weight('attn_v'),
      ...(s.biases ? { attnQBias: bias('attn_q'), attnKBias: bias('attn_k'), attnVBias: bias('attn_v') } : {}),
      attnOutput: weight('attn_output'),
      ffnNorm: weight('ffn_norm'),
      ffnGate: weight('ffn_gate'),
      ffnUp: weight('ffn_up'),
      ffnDown: weight('ffn_down'),
    };
  };
  const tokenEmbd = get('token_embd.weight');
  return {
    config: {
      embeddingLength: s.embd,
      headCount: s.heads,
      headCountKv: s.kvHeads,
      headDim: s.headDim,
      rmsEpsilon: Math.fround(1e-5),
      ropeFreqBase: 10000,
      ropeFreqScale: 1,
      attentionScale: 1 / Math.sqrt(s.headDim),
    },
    tokenEmbd,
    blk: Array.from({ length: s.layers }, (_, il) => layer(il)),
    outputNorm: get('output_norm.weight'),
    output: found('output.weight') ?? tokenEmbd,
    ...(s.ropeFreqs ? { ropeFreqs: get('rope_freqs.weight') } : {}),
  };
}

const fill = (length: number, value: () => number) => Float32Array.from({ length }, value);

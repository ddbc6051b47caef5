import type { LlamaConfig } from '../config.js';
import type { LayerTensors } from '../model.js';
import type { LayerWants } from './architecture.js';

// What the layers of most architectures have, as their files name it.

/** The products before and after attention, with the biases that the file has. */
export function attentionTensors({ weight, bias }: LayerWants, config: LlamaConfig) {
  const { embeddingLength: embd } = config;
  const q = config.headCount * config.headDim;
  const kv = config.headCountKv * config.headDim;
  return {
    attnQ: weight('attn_q', [embd, q]),
    attnK: weight('attn_k', [embd, kv]),
    attnV: weight('attn_v', [embd, kv]),
    attnOutput: weight('attn_output', [q, embd]),
    ...defined({
      attnQBias: bias('attn_q', q),
      attnKBias: bias('attn_k', kv),
      attnVBias: bias('attn_v', kv),
      attnOutputBias: bias('attn_output', embd),
    }),
  };
}

/** Norms of Q and K: of each head, or of all together. */
export const headNormTensors = ({ weight }: LayerWants, config: LlamaConfig, of: 'head' | 'row') => ({
  attnQNorm: weight('attn_q_norm', [config.headDim * (of === 'head' ? 1 : config.headCount)]),
  attnKNorm: weight('attn_k_norm', [config.headDim * (of === 'head' ? 1 : config.headCountKv)]),
});

/** The norms before each half of a layer. */
export const normTensors = ({ weight }: LayerWants, { embeddingLength }: LlamaConfig) => ({
  attnNorm: weight('attn_norm', [embeddingLength]),
  ffnNorm: weight('ffn_norm', [embeddingLength]),
});

/** The norms after each half of a layer. */
export const postNormTensors = ({ weight }: LayerWants, { embeddingLength }: LlamaConfig) => ({
  attnPostNorm: weight('post_attention_norm', [embeddingLength]),
  ffnPostNorm: weight('post_ffw_norm', [embeddingLength]),
});

/** A gated feed-forward, with the biases that the file has. */
export function feedForwardTensors(
  { weight, bias }: LayerWants,
  { embeddingLength: embd, feedForwardLength: ff }: LlamaConfig,
): Partial<LayerTensors> {
  return {
    ffnGate: weight('ffn_gate', [embd, ff]),
    ffnUp: weight('ffn_up', [embd, ff]),
    ffnDown: weight('ffn_down', [ff, embd]),
    ...defined({
      ffnGateBias: bias('ffn_gate', ff),
      ffnUpBias: bias('ffn_up', ff),
      ffnDownBias: bias('ffn_down', embd),
    }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined. */
export const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;

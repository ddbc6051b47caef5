import { CAPTURE } from './capture.js';
import type { LlamaConfig } from './config.js';
import { ModelError } from './errors.js';
import type { GgufFile } from './gguf.js';
import { Keys, show } from './keys.js';
import { architectureOf, NAMES } from './models/index.js';
import { ropeConfig } from './rope-config.js';

/** Whether the engine computes an architecture. @example isComputed('qwen2') */
export const isComputed = (architecture: unknown): boolean => architectureOf(architecture) !== undefined;

/** The architectures that the engine computes, by llama.cpp's names. */
export const COMPUTED: readonly string[] = NAMES;

/**
 * Whether a file's stages are those of the vocabulary, computed from each other as it says, and no more.
 *
 * @returns false where that would have to be looked up in the model itself
 */
export function isPlain({ metadata, tensors }: Pick<GgufFile, 'metadata' | 'tensors'>): boolean {
  const name = metadata['general.architecture'];
  if (!architectureOf(name)?.isPlain) return false;
  const hasExperts = Number(metadata[`${String(name)}.expert_count`] ?? 0) !== 0;
  return !hasExperts && !['gate', 'up', 'down'].some((part) => tensors.has(`blk.0.ffn_${part}.bias`));
}

/**
 * Reads the hyperparameters, as llama.cpp understands them.
 *
 * @throws ModelError `model-architecture` or `model-metadata`, naming the key, what was found and what was wanted.
 */
export function llamaConfig(file: GgufFile): LlamaConfig {
  return readConfig(file).config;
}

/** The same, with what the file says of its architecture that nothing was done with: it may change what is right. */
export function readConfig(file: GgufFile): { readonly config: LlamaConfig; readonly unread: readonly string[] } {
  const { path, metadata } = file;
  const name = metadata['general.architecture'];
  const architecture = architectureOf(name);
  if (!architecture) {
    throw new ModelError(
      'model-architecture',
      `${path}: general.architecture is ${show(name)}; the engine computes ${listed(NAMES)}. ${CAPTURE}`,
    );
  }
  const keys = new Keys(file);
  const experts = keys.raw('expert_count');
  if (Number(experts ?? 0) !== 0 && !architecture.experts) {
    throw new ModelError(
      'model-architecture',
      `${path}: ${String(name)}.expert_count is ${show(experts)}: a mixture of experts, which the engine does not compute in this architecture. ${CAPTURE}`,
    );
  }

  const blockCount = keys.count('block_count');
  const further = keys.factor('nextn_predict_layers');
  if (further > 0) {
    throw new ModelError(
      'model-metadata',
      `${path}: ${name}.nextn_predict_layers is ${further}: layers that predict further tokens, which neither the engine nor llama.cpp has in this architecture. Convert the model again.`,
    );
  }
  const embeddingLength = keys.count('embedding_length');
  const headCount = keys.perLayer('attention.head_count', blockCount);
  const headCountKv = keys.perLayer('attention.head_count_kv', blockCount, headCount);
  if (headCount % headCountKv !== 0) {
    throw new ModelError(
      'model-metadata',
      `${path}: ${name}.attention.head_count is ${headCount}, which is not a multiple of head_count_kv ${headCountKv}. Convert the model again.`,
    );
  }
  const headDim = keys.count('attention.key_length', Math.floor(embeddingLength / headCount));
  const valueLength = keys.count('attention.value_length', headDim);
  const ropeDimensions = keys.count('rope.dimension_count', headDim);
  const { turnsPart = false } = architecture;
  const isTurnable = turnsPart ? ropeDimensions <= headDim && ropeDimensions % 2 === 0 : ropeDimensions === headDim;
  if (valueLength !== headDim || !isTurnable || headDim % 2 !== 0) {
    const wanted = turnsPart
      ? 'the first two must be equal and even, and the third even and no larger'
      : 'must be equal and even';
    throw new ModelError(
      'model-metadata',
      `${path}: key_length ${headDim}, value_length ${valueLength} and rope.dimension_count ${ropeDimensions}: ${wanted} for the ${name} architecture, here and for llama.cpp. Convert the model again.`,
    );
  }
  const seesAll = keys.raw('attention.causal') === false;
  const tokens = metadata['tokenizer.ggml.tokens'];
  const contextLength = keys.count('context_length');
  const base: LlamaConfig = {
    architecture: String(name),
    ropePairs: architecture.ropePairs,
    ...(ropeDimensions === headDim ? {} : { ropeDims: ropeDimensions }),
    blockCount,
    embeddingLength,
    feedForwardLength: keys.perLayer('feed_forward_length', blockCount),
    headCount,
    headCountKv,
    headDim,
    // llama.cpp counts the tokens; the number is for files without them.
    vocabularySize: Array.isArray(tokens) && tokens.length > 0 ? tokens.length : keys.count('vocab_size'),
    contextLength,
    rmsEpsilon: keys.positive('attention.layer_norm_rms_epsilon'),
    ...ropeConfig(keys, contextLength, architecture.yarn),
    attentionScale: 1 / Math.sqrt(headDim),
    ...(seesAll ? { seesAll } : {}),
  };
  const config = { ...base, ...architecture.hyperparameters?.(keys, base) };
  return { config, unread: keys.unread() };
}

const listed = (names: readonly string[]): string => {
  const quoted = names.map((name) => `"${name}"`);
  return [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter((part) => part).join(' and ');
};

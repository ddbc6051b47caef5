import { ModelError } from './errors.js';
import type { GgufFile } from './gguf.js';

/** The hyperparameters of a `llama` model, checked. Names are GGUF's without their prefix. */
export interface LlamaConfig {
  readonly blockCount: number;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headDim: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly rmsEpsilon: number;
  readonly ropeFreqBase: number;
  /** 1 / rope.scaling.factor for linear scaling, else 1. */
  readonly ropeFreqScale: number;
  /** Which values of a head are turned with each other: 2j and 2j + 1, or j and j + headDim / 2. */
  readonly ropePairs: 'neighbours' | 'halves';
  readonly attentionScale: number;
}

/** What somebody with another engine does all the same. */
export const CAPTURE =
  'Where llama.cpp runs such a model, capture its side (probe capture --from llama), and hold a dump of your engine to that (probe diff).';

/** The architectures that this pass computes, by llama.cpp's names, and what tells them apart. */
const ARCHITECTURES: Readonly<Record<string, Pick<LlamaConfig, 'ropePairs'>>> = {
  llama: { ropePairs: 'neighbours' },
  qwen2: { ropePairs: 'halves' },
};

/** Whether the engine computes an architecture: then its graph is that of a Llama. @example isComputed('qwen2') */
export const isComputed = (architecture: unknown): boolean => Object.hasOwn(ARCHITECTURES, String(architecture));

/**
 * Reads the hyperparameters, as llama.cpp understands them.
 *
 * @throws ModelError `model-architecture` or `model-metadata`, naming the key, what was found and what was wanted.
 */
export function llamaConfig(file: GgufFile): LlamaConfig {
  const { path, metadata } = file;
  const architecture = metadata['general.architecture'];
  const facts = isComputed(architecture) ? ARCHITECTURES[String(architecture)] : undefined;
  if (!facts) {
    throw new ModelError(
      'model-architecture',
      `${path}: general.architecture is ${show(architecture)}; the engine computes ${Object.keys(ARCHITECTURES)
        .map((name) => `"${name}"`)
        .join(' and ')}. ${CAPTURE}`,
    );
  }

  const read = <T>(key: string, wanted: string, check: (value: unknown) => value is T, fallback?: unknown): T => {
    const value = metadata[key] ?? fallback;
    if (value === undefined) {
      throw new ModelError('model-metadata', `${path}: ${key} is missing; wanted ${wanted}. Convert the model again.`);
    }
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (!check(number)) {
      throw new ModelError(
        'model-metadata',
        `${path}: ${key} is ${show(value)}; wanted ${wanted}. Convert the model again.`,
      );
    }
    return number;
  };
  const count = (key: string, fallback?: number) =>
    read(`${architecture}.${key}`, 'a positive integer', isCount, fallback);
  const positive = (key: string, fallback?: number) =>
    read(`${architecture}.${key}`, 'a positive number', isPositive, fallback);

  const experts = metadata[`${architecture}.expert_count`];
  if (Number(experts ?? 0) !== 0) {
    throw new ModelError(
      'model-architecture',
      `${path}: ${architecture}.expert_count is ${show(experts)}: a mixture of experts, which the engine cannot run yet. ${CAPTURE}`,
    );
  }

  const parts = metadata['split.count'];
  if (Number(parts ?? 0) > 1) {
    throw new ModelError(
      'model-tensor',
      `${path}: is one of ${show(parts)} files of a model. Join them first: llama-gguf-split --merge FIRST-FILE OUTPUT.`,
    );
  }

  const blockCount = count('block_count');
  /** llama.cpp takes one number or one for each layer (get_key_or_arr); all layers are computed alike, here and there. */
  const perLayer = (key: string, fallback?: number): number => {
    const name = `${architecture}.${key}`;
    const list = metadata[name];
    if (!Array.isArray(list) || list.length !== blockCount) return count(key, fallback);
    if (isCount(list[0]) && list.every((one) => one === list[0])) return list[0];
    throw new ModelError(
      'model-metadata',
      `${path}: ${name} is ${show(list)}: layers that differ, which neither the engine nor llama.cpp runs under this architecture. ` +
        'Convert the model again with a current llama.cpp, under the architecture that has such layers (such as deci).',
    );
  };

  const embeddingLength = count('embedding_length');
  const headCount = perLayer('attention.head_count');
  const headCountKv = perLayer('attention.head_count_kv', headCount);
  if (headCount % headCountKv !== 0) {
    throw new ModelError(
      'model-metadata',
      `${path}: ${architecture}.attention.head_count is ${headCount}, which is not a multiple of head_count_kv ${headCountKv}. Convert the model again.`,
    );
  }
  const headDim = count('attention.key_length', Math.floor(embeddingLength / headCount));
  const valueLength = count('attention.value_length', headDim);
  const ropeDimensions = count('rope.dimension_count', headDim);
  if (valueLength !== headDim || ropeDimensions !== headDim || headDim % 2 !== 0) {
    throw new ModelError(
      'model-metadata',
      `${path}: key_length ${headDim}, value_length ${valueLength} and rope.dimension_count ${ropeDimensions} must be equal and even for the ${architecture} architecture. Convert the model again.`,
    );
  }

  if (metadata[`${architecture}.attention.causal`] === false) {
    throw new ModelError(
      'model-architecture',
      `${path}: ${architecture}.attention.causal is false; in the engine's attention each token sees only those before it. ${CAPTURE}`,
    );
  }
  const scaling = metadata[`${architecture}.rope.scaling.type`] ?? 'linear'; // as llama.cpp: a factor without a type scales
  if (scaling !== 'none' && scaling !== 'linear') {
    throw new ModelError(
      'model-architecture',
      `${path}: ${architecture}.rope.scaling.type is ${show(scaling)}; the engine knows none, linear and rope_freqs.weight. ${CAPTURE}`,
    );
  }
  const factor = read(
    `${architecture}.rope.scaling.factor`,
    'a number of at least 0',
    isFactor,
    metadata[`${architecture}.rope.scale_linear`] ?? 0,
  );
  const magnitude = positive('rope.scaling.attn_factor', 1);
  if (magnitude !== 1) {
    throw new ModelError(
      'model-architecture',
      `${path}: ${architecture}.rope.scaling.attn_factor is ${magnitude}; the engine knows only 1. ${CAPTURE}`,
    );
  }
  const tokens = metadata['tokenizer.ggml.tokens'];
  return {
    ...facts,
    blockCount,
    embeddingLength,
    feedForwardLength: perLayer('feed_forward_length'),
    headCount,
    headCountKv,
    headDim,
    // llama.cpp counts the tokens; the number is for files without them.
    vocabularySize: Array.isArray(tokens) && tokens.length > 0 ? tokens.length : count('vocab_size'),
    contextLength: count('context_length'),
    rmsEpsilon: positive('attention.layer_norm_rms_epsilon'),
    ropeFreqBase: positive('rope.freq_base', 10000),
    ropeFreqScale: scaling === 'linear' ? 1 / (factor || 1) : 1,
    attentionScale: 1 / Math.sqrt(headDim), // llama.cpp reads no attention.scale for this architecture
  };
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;
const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;

const isFactor = (value: unknown): value is number => value === 0 || isPositive(value); // 0 is llama.cpp's "none"

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const plain = typeof value === 'number' || typeof value === 'bigint'; // JSON has neither NaN nor bigint
  const text = plain
    ? String(value)
    : JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

import { CAPTURE, type LlamaConfig } from './config.js';
import { ModelError } from './errors.js';
import { findTensor } from './fused.js';
import type { GgufFile, TensorInfo } from './gguf.js';
import { isWeightType, WEIGHT_TYPES } from './weight-types.js';

/** The tensors of a `llama` file under the file's own names, checked for presence, shape and type. */
export interface LlamaTensors {
  readonly tokenEmbd: TensorInfo;
  readonly blk: readonly LayerTensors[];
  readonly outputNorm: TensorInfo;
  /** The embedding where the head is tied. */
  readonly output: TensorInfo;
  readonly ropeFreqs?: TensorInfo;
}

export interface LayerTensors {
  readonly attnNorm: TensorInfo;
  readonly attnQ: TensorInfo;
  readonly attnK: TensorInfo;
  readonly attnV: TensorInfo;
  readonly attnQBias?: TensorInfo;
  readonly attnKBias?: TensorInfo;
  readonly attnVBias?: TensorInfo;
  readonly attnOutput: TensorInfo;
  readonly ffnNorm: TensorInfo;
  readonly ffnGate: TensorInfo;
  readonly ffnUp: TensorInfo;
  readonly ffnDown: TensorInfo;
}

/**
 * Finds every tensor of the pass.
 *
 * @throws ModelError naming the tensor that is missing, misshapen, of a type that the engine cannot read, or unknown.
 */
export function llamaTensors(file: GgufFile, config: LlamaConfig): LlamaTensors {
  const { path, tensors } = file;
  const { embeddingLength: embd, feedForwardLength: ff, vocabularySize: vocab, headDim } = config;
  const q = config.headCount * headDim;
  const kv = config.headCountKv * headDim;
  const seen = new Set<string>();

  const optional = (name: string, shape: number[]): TensorInfo | undefined => {
    const tensor = findTensor(file, config, name, (own) => seen.add(own));
    if (!tensor) return undefined;
    if (tensor.shape.join() !== shape.join()) {
      throw new ModelError(
        'model-tensor',
        `${path}: ${name} has the shape [${tensor.shape.join(', ')}]; the metadata asks for [${shape.join(', ')}]. Convert the model again.`,
      );
    }
    const { name: type } = tensor.type;
    if (shape.length === 1 ? type !== 'F32' : !isWeightType(type)) {
      throw new ModelError(
        'model-tensor-type',
        `${path}: ${name} is ${type}, ${shape.length === 1 ? NO_VECTOR : NO_MATRIX}`,
      );
    }
    return tensor;
  };
  const required = (name: string, shape: number[]): TensorInfo => {
    const tensor = optional(name, shape);
    if (!tensor) {
      throw new ModelError(
        'model-tensor',
        `${path}: the tensor ${name} is missing; wanted it with the shape [${shape.join(', ')}]. Convert the model again.`,
      );
    }
    return tensor;
  };

  const tokenEmbd = required('token_embd.weight', [embd, vocab]);
  const ropeFreqs = optional('rope_freqs.weight', [headDim / 2]);
  const found: LlamaTensors = {
    tokenEmbd,
    blk: Array.from({ length: config.blockCount }, (_, il) => {
      const weight = (name: string, shape: number[]) => required(`blk.${il}.${name}.weight`, shape);
      const bias = (name: string, width: number) => optional(`blk.${il}.${name}.bias`, [width]);
      return {
        attnNorm: weight('attn_norm', [embd]),
        attnQ: weight('attn_q', [embd, q]),
        attnK: weight('attn_k', [embd, kv]),
        attnV: weight('attn_v', [embd, kv]),
        ...defined({ attnQBias: bias('attn_q', q), attnKBias: bias('attn_k', kv), attnVBias: bias('attn_v', kv) }),
        attnOutput: weight('attn_output', [q, embd]),
        ffnNorm: weight('ffn_norm', [embd]),
        ffnGate: weight('ffn_gate', [embd, ff]),
        ffnUp: weight('ffn_up', [embd, ff]),
        ffnDown: weight('ffn_down', [ff, embd]),
      };
    }),
    outputNorm: required('output_norm.weight', [embd]),
    output: optional('output.weight', [embd, vocab]) ?? tokenEmbd,
    ...defined({ ropeFreqs }),
  };

  const unknown = [...tensors.keys()].filter((name) => !seen.has(name));
  if (unknown.length > 0) {
    throw new ModelError(
      'model-tensor',
      `${path}: has tensors that the llama pass does not use, so its result would be wrong: ${unknown.slice(0, 4).join(', ')}` +
        `${unknown.length > 4 ? ` and ${unknown.length - 4} more` : ''}. ${CAPTURE}`,
    );
  }
  return found;
}

/** llama.cpp quantises no vector, and multiplies and adds F32 ones only: with others it aborts. */
const NO_VECTOR =
  "and a vector must be F32, here and for llama.cpp. Convert the model again with llama.cpp's convert_hf_to_gguf.py, which writes them so.";

/** Of ggml's types, llama.cpp keeps activations and indices in the others: Q8_1, Q8_K, integers and F64. No product of its takes them as weights. */
const NO_MATRIX = `which is no type for weights, here and for llama.cpp. Convert the model again; the engine reads ${Object.keys(WEIGHT_TYPES).join(', ')}.`;

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;

import { CAPTURE } from './capture.js';
import { type LlamaConfig, turnedOf } from './config.js';
import { ModelError } from './errors.js';
import { findTensor } from './fused.js';
import type { GgufFile, TensorInfo } from './gguf.js';
import type { LayerTensors, LlamaTensors } from './model.js';
import type { Architecture } from './models/architecture.js';
import { architectureOf } from './models/index.js';
import { defined } from './models/layers.js';
import { isWeightType, WEIGHT_TYPES } from './weight-types.js';

/**
 * Finds every tensor of the pass.
 *
 * @throws ModelError naming the tensor that is missing, misshapen, of a type that the engine cannot read, or unknown.
 */
export function llamaTensors(file: GgufFile, config: LlamaConfig): LlamaTensors {
  const { path, tensors } = file;
  const { embeddingLength: embd, vocabularySize: vocab } = config;
  const architecture = architectureOf(config.architecture) as Architecture;
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
    const isVector = isVectorName(name, shape);
    if (isVector ? type !== 'F32' : !isWeightType(type)) {
      throw new ModelError('model-tensor-type', `${path}: ${name} is ${type}, ${isVector ? NO_VECTOR : NO_MATRIX}`);
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
  const pairs = [turnedOf(config) / 2];
  const isLong = config.ropeOriginalContext !== undefined;
  const found: LlamaTensors = {
    tokenEmbd,
    blk: Array.from({ length: config.blockCount }, (_, il) => {
      const wants = {
        weight: (name: string, shape: number[]) => required(`blk.${il}.${name}.weight`, shape),
        optional: (name: string, shape: number[]) => optional(`blk.${il}.${name}.weight`, shape),
        bias: (name: string, ...shape: number[]) => optional(`blk.${il}.${name}.bias`, shape),
        requiredBias: (name: string, ...shape: number[]) => required(`blk.${il}.${name}.bias`, shape),
      };
      return architecture.layer(wants, config, il) as LayerTensors;
    }),
    outputNorm: required('output_norm.weight', [embd]),
    output: optional('output.weight', [embd, vocab]) ?? tokenEmbd,
    ...defined({
      ropeFreqs: optional('rope_freqs.weight', pairs),
      ropeFactorsLong: isLong ? optional('rope_factors_long.weight', pairs) : undefined,
      ropeFactorsShort: isLong ? optional('rope_factors_short.weight', pairs) : undefined,
    }),
  };

  const unknown = [...tensors.keys()].filter((name) => !seen.has(name));
  if (unknown.length > 0) {
    throw new ModelError(
      'model-tensor',
      `${path}: has tensors that the ${config.architecture} pass does not use, so its result would be wrong: ${unknown.slice(0, 4).join(', ')}` +
        `${unknown.length > 4 ? ` and ${unknown.length - 4} more` : ''}. ${remedyFor(unknown, config)}`,
    );
  }
  return found;
}

/** llama.cpp refuses a tensor that it does not ask for, too; which those are is not known here, but for the layers. */
function remedyFor(unknown: readonly string[], { architecture, blockCount }: LlamaConfig): string {
  if (unknown.every((name) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0) >= blockCount))
    return `Of ${architecture}.block_count layers there are ${blockCount}. Convert the model again.`;
  return `Convert the model again, if llama.cpp does not run it either. ${CAPTURE}`;
}

/** llama.cpp quantises no vector, and multiplies and adds F32 ones only: with others it aborts. */
const NO_VECTOR =
  "and a vector must be F32, here and for llama.cpp. Convert the model again with llama.cpp's convert_hf_to_gguf.py, which writes them so.";

/** Of ggml's types, llama.cpp keeps activations and indices in the others: Q8_1, Q8_K, integers and F64. No product of its takes them as weights. */
const NO_MATRIX = `which is no type for weights, here and for llama.cpp. Convert the model again; the engine reads ${Object.keys(WEIGHT_TYPES).join(', ')}.`;

/** Biases and what has one dimension are added and multiplied; everything else is a factor of a product. */
export const isVectorName = (name: string, shape: readonly number[]): boolean =>
  shape.length === 1 || name.endsWith('.bias');

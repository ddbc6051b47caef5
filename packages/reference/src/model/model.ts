import { basename } from 'node:path';
import { type Blockwise, blockwise } from '../blocks/blockwise.js';
import { readTable } from '../blocks/tensor-table.js';
import { LlamaCppError, ModelError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import type { Methods, ModelInfo } from '../process/protocol.js';
import type { ModelFiles } from './files.js';
import { ftypeName } from './ftypes.js';
import { readImatrix } from './imatrix.js';
import { importanceData, importancesFor } from './importance.js';

const ALL = 999; // layers on the device, and what comes after them

/** What is loaded of a file: all of it, mapped; all but its weights; its vocabulary. */
export type Loaded = 'mapped' | 'no weights' | 'vocabulary';

const HOW: Readonly<Record<Loaded, object>> = {
  mapped: {},
  'no weights': { no_alloc: true, load_mode: 0 }, // there is nothing to map
  vocabulary: { vocab_only: true },
};

/** Loads a model the same way in every run: on the CPU or the library's device, weights in the file's own layout. @throws ModelError `model-unloadable` */
export function loadModel(library: LlamaLibrary, path: string, how: Loaded = 'mapped'): Pointer {
  const devices = BigUint64Array.of(library.device?.address ?? 0n, 0n);
  const model = library.llama_model_load_from_file(path, {
    ...library.llama_model_default_params(),
    devices,
    n_gpu_layers: library.device ? ALL : 0,
    // repacked weights are summed in another order
    use_extra_bufts: false,
    ...HOW[how],
  });
  if (!model) {
    throw new ModelError('model-unloadable', `${path}: llama.cpp cannot load this model. It says:\n{log}`);
  }
  return model;
}

/** What the file says, without loading its weights. */
export function describeModel(
  library: LlamaLibrary,
  paths: ModelFiles,
): ModelInfo & { allF32: boolean; blockwise: Blockwise } {
  const [path] = paths;
  const table = readTable(library, paths);
  const types = [...new Set(table.tensors.map(({ type }) => library.ggml_type_name(type) as string))];
  const model = loadModel(library, path, 'no weights');
  try {
    const number = (name: keyof LlamaLibrary) => Number((library[name] as (model: Pointer) => number)(model));
    return {
      file: basename(path),
      architecture: metadata(library, model, 'general.architecture') ?? 'unknown',
      description: description(library, model),
      quantization: quantization(types, number('llama_model_ftype')),
      parameters: number('llama_model_n_params'),
      bytes: number('llama_model_size'),
      layers: number('llama_model_n_layer'),
      embeddingLength: number('llama_model_n_embd'),
      headCount: number('llama_model_n_head'),
      headCountKv: number('llama_model_n_head_kv'),
      vocabularySize: library.llama_vocab_n_tokens(library.llama_model_get_vocab(model)),
      trainedContext: number('llama_model_n_ctx_train'),
      allF32: types.every((type) => type === 'f32'),
      blockwise: library.device ? { why: 'another device than the CPU computes' } : blockwise(table),
    };
  } finally {
    library.llama_model_free(model);
  }
}

function description(library: LlamaLibrary, model: Pointer): string {
  return text((buffer) => library.llama_model_desc(model, buffer, buffer.length)) ?? '';
}

export function metadata(library: LlamaLibrary, model: Pointer, key: string): string | undefined {
  return text((buffer) => library.llama_model_meta_val_str(model, key, buffer, buffer.length));
}

function text(write: (buffer: Uint8Array) => number): string | undefined {
  const buffer = Buffer.alloc(4096);
  const length = write(buffer);
  return length < 0 ? undefined : buffer.toString('utf8', 0, Math.min(length, buffer.length - 1));
}

/** The type where all matrices have one; else what llama.cpp calls the mix. */
function quantization(types: readonly string[], ftype: number): string {
  const [matrices = 'f32', another] = types.filter((type) => type !== 'f32'); // norms always are F32
  return (another === undefined ? undefined : ftypeName(ftype)) ?? matrices.toUpperCase();
}

/** Makes a quantised copy. `target` is half-written until this returns. @returns the matrices that a given importance matrix has nothing of */
export function quantizeFile(
  library: LlamaLibrary,
  { source, target, ftype, pure, importance, imatrix, threads }: Methods['quantize'][0],
): string[] {
  const table = readTable(library, source);
  const given = imatrix === undefined ? undefined : { path: imatrix, importances: readImatrix(library, imatrix) };
  const matrices = importancesFor(table, importance, given);
  const data = matrices.length > 0 ? importanceData(matrices) : undefined;
  let status: number;
  try {
    status = library.llama_model_quantize(source[0], target, {
      ...library.llama_model_quantize_default_params(),
      nthread: threads,
      ftype,
      pure,
      allow_requantize: true,
      ...(data && { imatrix: data.address }),
    });
  } finally {
    data?.free();
  }
  if (status !== 0) throw new LlamaCppError('quantize-failed', '{log}');
  return matrices.flatMap(({ name, values }) => (values ? [] : [name]));
}

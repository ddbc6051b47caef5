import koffi from 'koffi';
import { ModelError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { GgmlTensor } from '../library/structs.js';
import type { ModelFiles } from '../model/files.js';
import type { ModelHeader } from './model-header.js';

/** Where a tensor's values lie. */
export interface FileTensor {
  readonly name: string;
  readonly path: string;
  /** From the beginning of the file, in bytes. */
  readonly offset: number;
  /** ggml's number. */
  readonly type: number;
  readonly shape: readonly number[]; // 4, the length of a row first
}

/** The header of a model's files, as ggml reads it. */
export interface TensorTable extends ModelHeader {
  /** Of the file that has the metadata. */
  readonly path: string;
  readonly layers: number;
  readonly tensors: readonly FileTensor[];
}

/** @throws ModelError `model-unloadable` */
export function readTable(library: LlamaLibrary, paths: ModelFiles): TensorTable {
  const [path] = paths;
  const about = withHeader(library, path, (gguf) => metadataOf(library, gguf));
  const tensors = paths.flatMap((part) =>
    withHeader(library, part, (gguf, context) => tensorsOf(library, part, gguf, context)),
  );
  return { ...about, path, tensors };
}

/** Opens a file's header for as long as `use` takes. */
export function withHeader<T>(library: LlamaLibrary, path: string, use: (gguf: Pointer, context: Pointer) => T): T {
  const context = new BigUint64Array(1);
  const gguf: Pointer | null = library.gguf_init_from_file(path, { no_alloc: true, ctx: context });
  if (!gguf) throw new ModelError('model-unloadable', `${path}: llama.cpp cannot read this GGUF file. It says:\n{log}`);
  try {
    return use(gguf, context[0] as Pointer);
  } finally {
    library.ggml_free(context[0]);
    library.gguf_free(gguf);
  }
}

const U32 = 4;
const ARRAY = 9;
/** The types of the lists of numbers that are read, by GGUF's number. */
const NUMBERS: Readonly<Record<number, string>> = { 4: 'uint32', 5: 'int32', 6: 'float', 7: 'bool' };

function metadataOf(library: LlamaLibrary, gguf: Pointer): Pick<TensorTable, 'architecture' | 'metadata' | 'layers'> {
  const metadata: Record<string, unknown> = {};
  const count = Number(library.gguf_get_n_kv(gguf));
  for (let i = 0; i < count; i++) {
    const type: number = library.gguf_get_kv_type(gguf, i);
    const key: string = library.gguf_get_key(gguf, i);
    if (key.startsWith('tokenizer.')) continue;
    // Of others than whole numbers and lists of numbers nothing is asked but whether they are there.
    metadata[key] = type === ARRAY ? listOf(library, gguf, i) : type === U32 ? library.gguf_get_val_u32(gguf, i) : true;
  }
  const at = library.gguf_find_key(gguf, 'general.architecture');
  const architecture: string = Number(at) < 0 ? 'unknown' : library.gguf_get_val_str(gguf, at);
  return { architecture, metadata, layers: Number(metadata[`${architecture}.block_count`]) };
}

function listOf(library: LlamaLibrary, gguf: Pointer, key: number): number[] {
  const type = NUMBERS[library.gguf_get_arr_type(gguf, key)];
  const count = Number(library.gguf_get_arr_n(gguf, key));
  if (type === undefined || count === 0) return [];
  return Array.from(koffi.decode(library.gguf_get_arr_data(gguf, key), koffi.array(type, count)), Number);
}

function tensorsOf(library: LlamaLibrary, path: string, gguf: Pointer, context: Pointer): FileTensor[] {
  const shapes = new Map<string, number[]>();
  for (let at = library.ggml_get_first_tensor(context); at; at = library.ggml_get_next_tensor(context, at)) {
    const { name, ne } = koffi.decode(at, GgmlTensor) as { name: string; ne: ArrayLike<number | bigint> };
    shapes.set(name, Array.from(ne, Number));
  }
  const begin = Number(library.gguf_get_data_offset(gguf));
  return Array.from({ length: Number(library.gguf_get_n_tensors(gguf)) }, (_, i) => {
    const name: string = library.gguf_get_tensor_name(gguf, i);
    const offset = begin + Number(library.gguf_get_tensor_offset(gguf, i));
    return { name, path, offset, type: library.gguf_get_tensor_type(gguf, i), shape: shapes.get(name) ?? [] };
  });
}

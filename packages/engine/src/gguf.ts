import { damaged, type GgufPart, readPart } from './gguf-part.js';
import { joinParts } from './split.js';

export type { TensorInfo } from './gguf-part.js';

/** A model whose headers, tensor tables and extents are sound. Nothing of the tensor data has been read. */
export interface GgufFile extends GgufPart {
  /** The file; of a split model the first part, which has the metadata and is what llama.cpp is given. */
  readonly path: string;
  /** Of all parts together. */
  readonly bytes: number;
}

/**
 * Reads and checks everything of a model but its tensor data. Of a split model any of the parts will do.
 *
 * @throws ModelError naming what is wrong: not a file, empty, not GGUF, a Git LFS pointer, version 1, big-endian,
 * truncated (header, tensor table, data), absurd counts, tensors past the end or overlapping, unknown tensor types; of a split model
 * `model-split` for parts that are missing, have other names or are of another model.
 * @param options.vocabulary whether a file that is only a vocabulary will do, without tensors
 * @example const file = await openGguf('model.gguf'); file.metadata['general.architecture'] // 'llama'
 * @example (await openGguf('model-00002-of-00003.gguf')).path // 'model-00001-of-00003.gguf'
 */
export async function openGguf(path: string, { vocabulary = false } = {}): Promise<GgufFile> {
  const file = await joinParts(await readPart(path));
  if (file.tensors.size === 0 && !(vocabulary && file.metadata['tokenizer.ggml.model']))
    throw damaged(path, 'it has no tensors');
  return file;
}

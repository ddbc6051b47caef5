import { randomUUID } from 'node:crypto';
import { rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LlamaCppError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';
import { VOCABULARY } from './blockwise.js';
import { type PerBlock, WINDOWS } from './per-block.js';
import { type TensorTable, withHeader } from './tensor-table.js';

const F32 = 0;
const I32 = 5; // of GGUF's own types

/**
 * A GGUF file of the first block and all that is not in a block, as F32, with so many rows of the vocabulary. It is a hole: no weight is in
 * it, and it takes no room on the disk.
 *
 * @param own the hyperparameters that the block has for itself
 * @returns its path; whoever has loaded it removes it @throws LlamaCppError `temporary-unwritable`
 */
export function writeBlockModel(
  library: LlamaLibrary,
  { path: source, architecture, tensors }: TensorTable,
  rows: number,
  own: PerBlock,
): string {
  const path = join(tmpdir(), `llama-probe-${process.pid}-${randomUUID()}.gguf`);
  const kept = tensors.filter(({ name }) => !/^blk\.[1-9]/.test(name));
  withHeader(library, source, (from) => {
    const gguf = library.gguf_init_empty();
    const context = library.ggml_init({ mem_size: 512 * (kept.length + 1), mem_buffer: null, no_alloc: true });
    try {
      library.gguf_set_kv(gguf, from);
      for (let i = Number(library.gguf_get_n_kv(from)) - 1; i >= 0; i--) {
        const key: string = library.gguf_get_key(from, i);
        if (/^(tokenizer|split)\./.test(key)) library.gguf_remove_key(gguf, key);
      }
      // llama.cpp wants a window in one of the blocks. Of one that predicts further tokens it asks for no weights here, and computes nothing.
      const blocks = WINDOWS in own ? [own, { ...own, [WINDOWS]: 1 }] : [own];
      library.gguf_set_val_u32(gguf, `${architecture}.block_count`, blocks.length);
      library.gguf_set_val_u32(gguf, `${architecture}.nextn_predict_layers`, blocks.length - 1);
      library.gguf_set_val_u32(gguf, `${architecture}.vocab_size`, rows);
      library.gguf_set_val_str(gguf, 'tokenizer.ggml.model', 'no_vocab');
      for (const name of Object.keys(own)) {
        const values = Int32Array.from(blocks, (block) => block[name] as number);
        library.gguf_set_arr_data(gguf, `${architecture}.${name}`, I32, values, values.length);
      }
      let bytes = 0;
      for (const { name, shape } of kept) {
        const [columns = 1, all = 1, depth = 1, more = 1] = shape;
        const height = (VOCABULARY as readonly string[]).includes(name) ? rows : all;
        const tensor = library.ggml_new_tensor_4d(context, F32, columns, height, depth, more);
        library.ggml_set_name(tensor, name);
        library.gguf_add_tensor(gguf, tensor);
        bytes += padded(4 * columns * height * depth * more);
      }
      const isWritten = library.gguf_write_to_file(gguf, path, true);
      if (!isWritten) throw unwritable(path);
      truncateSync(path, sizeOf(library, path) + bytes);
    } catch (error) {
      rmSync(path, { force: true });
      throw error instanceof LlamaCppError ? error : unwritable(path, error);
    } finally {
      library.gguf_free(gguf);
      library.ggml_free(context);
    }
  });
  return path;
}

/** Where the values would begin. */
const sizeOf = (library: LlamaLibrary, path: string): number =>
  withHeader(library, path, (gguf) => Number(library.gguf_get_data_offset(gguf)));

const ALIGNMENT = 256; // at least GGUF's own
const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const unwritable = (path: string, cause?: unknown): LlamaCppError =>
  new LlamaCppError(
    'temporary-unwritable',
    `${path}: cannot be written. Set TMPDIR to a folder that you may write to.`,
    { cause },
  );

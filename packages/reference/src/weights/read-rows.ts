import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { LlamaCppError, ModelError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';
import { TENSOR_PIPE, type WeightRows } from '../process/protocol.js';
import { type Traits, traitsOf } from './traits.js';

/** The file that was read last stays open: a tensor comes in many pieces. */
let opened: { readonly path: string; readonly descriptor: number } | undefined;

/**
 * Rows of a tensor as ggml's type traits make floats of them, written to TENSOR_PIPE as they are in memory.
 *
 * @throws LlamaCppError `weights-type` where ggml cannot, before anything is written
 */
export function readRows(library: LlamaLibrary, piece: WeightRows): null {
  const { path, offset, type, columns, rows, through } = piece;
  const traits = traitsOf(library, type);
  const bytes = (columns / traits.elements) * traits.bytes * rows;
  const floats = toFloats(traits, read(path, offset, bytes), columns * rows);
  write(through === undefined ? floats : roundTrip(traitsOf(library, through), floats, columns, rows));
  return null;
}

function toFloats({ name, toFloat }: Traits, bytes: Uint8Array, count: number): Uint8Array {
  if (!toFloat) throw new LlamaCppError('weights-type', `ggml cannot make floats of ${name}.`);
  const floats = new Uint8Array(count * 4);
  toFloat(bytes, floats, count);
  return floats;
}

/** What is left of floats when a type has held them: row by row, since blocks do not go on in the next one. */
function roundTrip(traits: Traits, floats: Uint8Array, columns: number, rows: number): Uint8Array {
  const { name, elements, bytes, fromFloat } = traits;
  if (!fromFloat || columns % elements !== 0) {
    throw new LlamaCppError('weights-type', `ggml cannot make ${name} of rows of ${columns}.`);
  }
  const rowBytes = (columns / elements) * bytes;
  const made = new Uint8Array(rowBytes * rows);
  for (let row = 0; row < rows; row++) {
    fromFloat(floats.subarray(row * columns * 4, (row + 1) * columns * 4), made.subarray(row * rowBytes), columns);
  }
  return toFloats(traits, made, columns * rows);
}

function read(path: string, offset: number, length: number): Uint8Array {
  if (opened?.path !== path) {
    if (opened) closeSync(opened.descriptor);
    opened = undefined;
    opened = { path, descriptor: openSync(path, 'r') };
  }
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const got = readSync(opened.descriptor, bytes, at, length - at, offset + at);
    if (got === 0) throw new ModelError('model-truncated', `${path}: the file became shorter while it was read.`);
    at += got;
  }
  return bytes;
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(TENSOR_PIPE, bytes, at);
}

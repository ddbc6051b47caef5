import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { LlamaCppError, ModelError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';
import type { WeightRows } from '../process/protocol.js';
import { type Traits, traitsOf } from './traits.js';

/** What was opened last stays open: a tensor comes in many pieces. */
const opened: Partial<Record<'r' | 'r+', { readonly path: string; readonly descriptor: number }>> = {};

/** Memory that is used again for each piece: to get and to clear it anew takes longer than all else. */
const memory = new Map<string, Uint8Array>();

function room(use: string, length: number): Uint8Array {
  const known = memory.get(use);
  if (known && known.length >= length) return known.subarray(0, length);
  const made = new Uint8Array(length);
  memory.set(use, made);
  return made;
}

/**
 * Rows of a tensor as ggml's type traits make floats of them, written to a file as they are in memory.
 *
 * @throws LlamaCppError `weights-type` where ggml cannot, before anything is written
 */
export function readRows(library: LlamaLibrary, { into, ...piece }: WeightRows & { into: string }): null {
  const { path, offset, type, columns, rows, through } = piece;
  const traits = traitsOf(library, type);
  const bytes = (columns / traits.elements) * traits.bytes * rows;
  const floats = toFloats(traits, read(path, offset, bytes), columns * rows, 'floats');
  write(into, through === undefined ? floats : roundTrip(traitsOf(library, through), floats, columns, rows));
  return null;
}

function toFloats({ name, toFloat }: Traits, bytes: Uint8Array, count: number, use: string): Uint8Array {
  if (!toFloat) throw new LlamaCppError('weights-type', `ggml cannot make floats of ${name}.`);
  const floats = room(use, count * 4);
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
  const made = room('held', rowBytes * rows);
  for (let row = 0; row < rows; row++) {
    fromFloat(floats.subarray(row * columns * 4, (row + 1) * columns * 4), made.subarray(row * rowBytes), columns);
  }
  return toFloats(traits, made, columns * rows, 'after');
}

function read(path: string, offset: number, length: number): Uint8Array {
  const descriptor = descriptorOf(path, 'r');
  const bytes = room('file', length);
  for (let at = 0; at < length; ) {
    const got = readSync(descriptor, bytes, at, length - at, offset + at);
    if (got === 0) throw new ModelError('model-truncated', `${path}: the file became shorter while it was read.`);
    at += got;
  }
  return bytes;
}

function write(path: string, bytes: Uint8Array): void {
  const descriptor = descriptorOf(path, 'r+');
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
}

function descriptorOf(path: string, flags: 'r' | 'r+'): number {
  const last = opened[flags];
  if (last?.path === path) return last.descriptor;
  if (last) closeSync(last.descriptor);
  delete opened[flags];
  const descriptor = openSync(path, flags);
  opened[flags] = { path, descriptor };
  return descriptor;
}

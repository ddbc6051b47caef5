import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type FileTensor, readTable } from '../blocks/tensor-table.js';
import { QuantizeError } from '../errors.js';
import type { LlamaLibrary } from '../library/library.js';

/** By a matrix's name, how important each of its columns is; of several experts one after the other. */
export type Importances = ReadonlyMap<string, Float32Array>;

/**
 * A file of llama.cpp's imatrix tool, in either of its formats (v0.5.0, common/imatrix-loader.cpp; what is made of the sums: load_imatrix of
 * tools/quantize/quantize.cpp).
 *
 * - GGUF: two F32 tensors for each matrix, NAME.in_sum2 (a sum of squares for each column, a row for each expert) and NAME.counts (of how many
 *   tokens, for each expert). Of an expert that no token went through all columns are alike.
 * - `.dat`, older: a count of entries; of each a length and a name, the number of calls, a count of sums, and the sums, all little-endian int32 and
 *   float32. What may follow says of what text they are.
 *
 * @throws QuantizeError `imatrix-not-found`, `imatrix-damaged`
 */
export function readImatrix(library: LlamaLibrary, path: string): Importances {
  const head = bytesOf(path, { offset: 0, length: 4 }, true).toString('latin1');
  const found = head === 'GGUF' ? fromGguf(library, path) : fromDat(path);
  if (found.size === 0) throw damaged(path, 'it has no entries');
  for (const [name, values] of found) {
    const wrong = values.find((value) => !Number.isFinite(value) || value < 0);
    if (wrong !== undefined) throw damaged(path, `an importance of ${name} is ${wrong}`);
  }
  return found;
}

function fromGguf(library: LlamaLibrary, path: string): Importances {
  const { tensors } = readTable(library, [path]);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const found = new Map<string, Float32Array>();
  for (const [name, tensor] of byName) {
    const [, matrix] = /^(.+)\.in_sum2$/.exec(name) ?? [];
    if (matrix === undefined) continue;
    const other = byName.get(`${matrix}.counts`);
    if (!other) throw damaged(path, `it has ${name} and no ${matrix}.counts`);
    const [values, counts] = [floatsOf(tensor), floatsOf(other)];
    if (values.length % counts.length !== 0) {
      throw damaged(path, `${matrix} has ${values.length} sums and ${counts.length} counts`);
    }
    const columns = values.length / counts.length;
    for (let i = 0; i < values.length; i++) {
      const count = counts[Math.floor(i / columns)] as number;
      values[i] = count > 0 ? (values[i] as number) / Math.round(count) : 1;
    }
    found.set(matrix, values);
  }
  if (found.size === 0 && tensors.length > 0) {
    throw new QuantizeError(
      'imatrix-damaged',
      `--imatrix: ${path} is a GGUF file without importances: its first tensor is ${tensors[0]?.name}, wanted NAME.in_sum2. Give what llama-imatrix has written.`,
    );
  }
  return found;
}

const F32 = 0;

function floatsOf({ name, path, offset, type, shape }: FileTensor): Float32Array {
  if (type !== F32) throw damaged(path, `${name} is no F32 tensor`);
  const length = 4 * shape.reduce((product, count) => product * count, 1);
  return floats(bytesOf(path, { offset, length }));
}

function fromDat(path: string): Importances {
  const bytes = readFileSync(path);
  let at = 0;
  const take = (length: number, what: string): Buffer => {
    if (length < 0 || at + length > bytes.length) {
      throw damaged(
        path,
        `${what} goes on past its ${bytes.length} bytes. It is no file of llama-imatrix, or is cut off`,
      );
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  const int = (what: string) => take(4, what).readInt32LE();
  const found = new Map<string, Float32Array>();
  const count = int('the count of its entries');
  if (count < 1) throw damaged(path, `it has ${count} entries`);
  for (let entry = 1; entry <= count; entry++) {
    const of = `entry ${entry} of ${count}`;
    const name = take(int(of), of).toString('utf8');
    const calls = int(of);
    const length = int(of);
    if (length < 1) throw damaged(path, `${of} has ${length} values`);
    const values = floats(take(4 * length, of));
    if (calls > 0) for (let i = 0; i < length; i++) values[i] = (values[i] as number) / calls;
    found.set(name, values);
  }
  return found;
}

/** A copy, since floats must lie at multiples of four. */
const floats = (bytes: Buffer): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);

/** @param isLess whether the file may have fewer */
function bytesOf(path: string, { offset, length }: { offset: number; length: number }, isLess = false): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new QuantizeError('imatrix-not-found', `--imatrix: ${path}: ${what}. Give what llama-imatrix has written.`, {
      cause,
    });
  }
  try {
    const bytes = Buffer.alloc(length);
    const got = readSync(descriptor, bytes, 0, length, offset);
    if (got < length && !isLess) throw damaged(path, `it ends at byte ${offset + got}, wanted ${offset + length}`);
    return bytes.subarray(0, got);
  } finally {
    closeSync(descriptor);
  }
}

const damaged = (path: string, what: string): QuantizeError =>
  new QuantizeError('imatrix-damaged', `--imatrix: ${path}: is damaged: ${what}. Make it again with llama-imatrix.`);

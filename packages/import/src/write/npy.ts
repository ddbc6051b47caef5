import { NPY_MAGIC } from '../formats/npy-header.js';

const ALIGNED = 64; // bytes: where NumPy has values begin

/** What is before the values of a `.npy` file of version 1. @param descr NumPy's name of a type, such as `<f4` @see npyHeader */
export function npyHead(descr: string, shape: readonly number[]): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padded = `${text.padEnd(Math.ceil((10 + text.length + 1) / ALIGNED) * ALIGNED - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from(`${NPY_MAGIC}\x01\x00`, 'latin1'), length, Buffer.from(padded)]);
}

/** An array as a `.npy` file. @example npyFile(Float32Array.of(1, 2, 3, 4), [2, 2]) */
export function npyFile(values: Float32Array | Uint8Array, shape: readonly number[]): Buffer {
  const head = npyHead(values instanceof Uint8Array ? '|u1' : '<f4', shape);
  return Buffer.concat([head, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
}

import type { WriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DumpMetadata } from '@llama-probe/dump';
import { ZipFile } from 'yazl';
import { NPY_MAGIC } from '../formats/npy-header.js';
import { idBytes } from './safetensors.js';
import type { Spool } from './spool.js';

const ALIGNED = 64; // bytes: where NumPy has values begin

/** An `.npz` file, as `numpy.savez` writes it: a zip of `.npy` files, stored as they are. */
export async function writeNpz(spool: Spool, metadata: DumpMetadata, to: WriteStream): Promise<void> {
  const zip = new ZipFile();
  // The same run makes the same file.
  const options = { compress: false, mtime: new Date(1980, 0, 1) };
  const ids = idBytes(metadata);
  zip.addBuffer(Buffer.concat([npyHead('<i8', [metadata.tokens.length]), ids]), 'tokens.npy', options);
  for (const array of spool.arrays) {
    const head = npyHead('<f4', [array.rows, array.width]);
    const read = function* () {
      yield head;
      yield* spool.bytesOf(array);
    };
    const size = head.length + array.rows * array.width * 4;
    zip.addReadStreamLazy(`${array.name}.npy`, { ...options, size }, (use) => use(null, Readable.from(read())));
  }
  zip.end();
  await pipeline(zip.outputStream, to);
}

/** What is before the values of a `.npy` file of version 1. @see npyHeader */
function npyHead(descr: string, shape: readonly number[]): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padded = `${text.padEnd(Math.ceil((10 + text.length + 1) / ALIGNED) * ALIGNED - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from(`${NPY_MAGIC}\x01\x00`, 'latin1'), length, Buffer.from(padded)]);
}

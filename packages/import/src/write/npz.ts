import type { WriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DumpMetadata } from '@llama-probe/dump';
import { ZipFile } from 'yazl';
import { npyHead } from './npy.js';
import { idBytes } from './safetensors.js';
import type { Spool } from './spool.js';

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

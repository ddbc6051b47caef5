import type { WriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type DumpMetadata, encodeMetadata } from '@llama-probe/dump';
import type { Spool } from './spool.js';

/** A `.safetensors` file: the length of the header, the header, the values. @see openSafetensors */
export async function writeSafetensors(spool: Spool, metadata: DumpMetadata, to: WriteStream): Promise<void> {
  const ids = idBytes(metadata);
  const { floors: _, ...about } = metadata; // of every stage: more text than the rest
  const header: Record<string, object> = { __metadata__: Object.fromEntries(encodeMetadata(about)) };
  let at = 0;
  const add = (name: string, dtype: string, shape: readonly number[], bytes: number) => {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
    at += bytes;
  };
  // First, since int64 has to begin at a multiple of 8.
  add('tokens', 'I64', [metadata.tokens.length], ids.length);
  for (const { name, rows, width } of spool.arrays) add(name, 'F32', [rows, width], rows * width * 4);
  const text = JSON.stringify(header);
  const padded = text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)));
  await pipeline(function* () {
    yield length;
    yield Buffer.from(padded);
    yield ids;
    for (const array of spool.arrays) yield* spool.bytesOf(array);
  }, to);
}

/** The token ids, as others have them. */
export const idBytes = ({ tokens }: DumpMetadata): Buffer => Buffer.from(BigInt64Array.from(tokens, BigInt).buffer);

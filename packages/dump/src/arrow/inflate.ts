import { CompressionType, compressionRegistry } from 'apache-arrow';
import type { RecordBatch } from 'apache-arrow/ipc/metadata/message';
import { inflateLz4 } from './lz4.js';
import type { Source } from './read-ahead.js';

/** Values shrink by a tenth, and zeros to nothing: what is both large and shrinks so far is made to fill memory. */
const MOST_RATIO = 100;
const SMALL = 64 << 20; // bytes
const LARGEST = 2 ** 31 - 1; // bytes of one buffer

const PREFIX = 8; // bytes before each compressed buffer: the length that it had, or −1 where it is as it was

const isTooMuch = (inflated: number, compressed: number): boolean =>
  inflated > SMALL && inflated > compressed * MOST_RATIO;

/**
 * Reads how long the buffers of a compressed batch are to become, before any of them is inflated.
 *
 * @param body where its body begins, and how long it is
 * @returns how many bytes all of them have then, or what is wrong with them
 */
export async function inflatedLength(
  file: Source,
  body: { readonly begin: number; readonly bytes: number },
  { buffers }: RecordBatch,
): Promise<number | string> {
  let all = 0;
  for (const { offset, length } of buffers) {
    if (length === 0) continue;
    if (length < PREFIX) return `has a compressed buffer of ${length} bytes`;
    const prefix = Buffer.alloc(PREFIX);
    await file.read(prefix, 0, PREFIX, body.begin + offset);
    const claimed = prefix.readBigInt64LE(0);
    const inflated = claimed === -1n ? length - PREFIX : Number(claimed);
    if (!(inflated >= 0 && inflated <= LARGEST)) return `has a buffer that is to become ${claimed} bytes`;
    all += inflated;
    // Several buffers may be the same bytes.
    if (isTooMuch(all, body.bytes)) return `has ${body.bytes} bytes that would become ${all}: no values shrink so far`;
  }
  return all;
}

let isReady = false;

/** Teaches Arrow's reader what polars and Feather compress with. What inflates ZSTD is loaded only now. */
export async function learnToInflate(): Promise<void> {
  if (isReady) return;
  const { ZSTDDecoder } = await import('zstddec');
  const zstd = new ZSTDDecoder();
  await zstd.init();
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: (bytes) => inflateLz4(bytes, lengthBefore(bytes)) });
  compressionRegistry.set(CompressionType.ZSTD, {
    decode(bytes) {
      const length = lengthBefore(bytes);
      const inflated = length === 0 ? new Uint8Array() : zstd.decode(bytes, length);
      if (inflated.length === length) return inflated;
      throw new RangeError(`a ZSTD frame cannot be inflated to the ${length} bytes that are to be in it`);
    },
  });
  isReady = true;
}

/** Arrow's reader hands on a view of the body, with the length that the buffer had before it. */
function lengthBefore(bytes: Uint8Array): number {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset - PREFIX, PREFIX).getBigInt64(0, true));
  if (length >= 0 && length <= LARGEST && !isTooMuch(length, bytes.length)) return length;
  throw new RangeError(`${bytes.length} bytes would become ${length}`);
}

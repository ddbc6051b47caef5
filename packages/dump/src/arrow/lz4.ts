const MAGIC = 0x184d2204;
const VERSION = 0x40; // in the upper two bits of the flags
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const DICTIONARY = 0x01;
const STORED = 0x80000000; // a block that is not compressed
const LEAST_MATCH = 4;

/**
 * An LZ4 frame of a known length. Checksums are not looked at: Arrow's writers leave them out.
 *
 * The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md. The npm package lz4js is not used: it looks for what a
 * length promises past the end of its input, for seconds.
 *
 * @throws RangeError where the frame is damaged, or has more or less than `length` bytes; nothing more than these is allocated
 */
export function inflateLz4(frame: Uint8Array, length: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const out = new Uint8Array(length);
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) throw new RangeError('it is no LZ4 frame');
  const flags = frame[4] as number;
  if ((flags & 0xc0) !== VERSION || (flags & DICTIONARY) !== 0)
    throw new RangeError('it is an LZ4 frame of another kind');
  let at = 6 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8) + 1;
  let to = 0;
  for (;;) {
    const size = view.getUint32(at, true); // throws past the end
    at += 4;
    if (size === 0) break;
    const isStored = size >= STORED;
    const bytes = frame.subarray(at, at + (isStored ? size - STORED : size));
    if (bytes.length !== (isStored ? size - STORED : size)) throw new RangeError('an LZ4 block ends too early');
    if (isStored) {
      out.set(bytes, to); // throws where it does not fit
      to += bytes.length;
    } else to = inflateBlock(bytes, out, to);
    at += bytes.length + ((flags & BLOCK_CHECKSUM) === 0 ? 0 : 4);
  }
  if (to !== length) throw new RangeError(`an LZ4 frame has ${to} bytes, and ${length} are to be in it`);
  return out;
}

/** Literals and matches by turns; the last are literals. @returns where the next block goes on */
function inflateBlock(block: Uint8Array, out: Uint8Array, begin: number): number {
  let at = 0;
  let to = begin;
  /** A length that is longer than its half byte: more bytes follow while they are 255. */
  const lengthOf = (half: number): number => {
    let length = half;
    for (let more = half === 15 ? 255 : 0; more === 255; length += more) {
      if (at >= block.length) throw new RangeError('an LZ4 length ends too early');
      more = block[at++] as number;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = lengthOf(token >> 4);
    if (at + literals > block.length || to + literals > out.length) throw new RangeError('LZ4 literals do not fit');
    out.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === block.length) break;
    if (at + 2 > block.length) throw new RangeError('an LZ4 match ends too early');
    const distance = (block[at] as number) | ((block[at + 1] as number) << 8);
    at += 2;
    const match = lengthOf(token & 15) + LEAST_MATCH;
    if (distance === 0 || distance > to || to + match > out.length) throw new RangeError('an LZ4 match does not fit');
    if (distance >= match) out.copyWithin(to, to - distance, to - distance + match);
    else for (let i = 0; i < match; i++) out[to + i] = out[to + i - distance] as number; // it goes on into itself
    to += match;
  }
  return to;
}

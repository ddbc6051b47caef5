/** How a block may be misread; {} reads it as the format says. */
export interface Reading {
  /** Neighbouring weights in one byte, of two bits four; the high nibble before the low; a K-quant's nibbles as if 32 weights shared 16 bytes. */
  readonly nibbles?: 'adjacent' | 'swapped' | 'by-32' | undefined;
  /** The bits above the nibble of a 5- or 6-bit type: left out, or taken weight after weight. Of a point of a codebook, the bits above the byte. */
  readonly high?: 'missing' | 'consecutive' | undefined;
  /** The excess (8, 16, 32) of a signed quant: taken for two's complement, or never subtracted; of Q8_0's int8: taken for excess 128, or for uint8. Of a ternary type, 1. */
  readonly excess?: 'twos-complement' | 'none' | 'unsigned' | undefined;
  /** Of IQ1_S and IQ1_M, the eighth that weights are shifted by. */
  readonly minimum?: 'missing' | 'opposite' | undefined;
  /** The scales of a K-quant's sub-blocks; see `scaleAndMinimum`. */
  readonly scales?: ScaleReading | undefined;
  /** What a nibble stands for in IQ4_NL, IQ4_XS, MXFP4 and NVFP4: the nibble itself, less 8; or an entry of a table twice as large. */
  readonly table?: 'linear' | 'doubled' | undefined;
  /** The signs of an i-quant: all left out, or the eighth, which follows from the seven that are kept. */
  readonly signs?: 'missing' | 'seven' | undefined;
  /** The block's own scale, a half: taken for a bfloat, or its subnormals flushed to zero. */
  readonly half?: 'bf16' | 'flushed' | undefined;
}

export type ScaleReading =
  | 'plain' // sub-blocks 4…7 are read as 0…3 are
  | 'low-bits' // the two bits above are left out
  | 'low-bits-of-scales' // the two bits above a scale are left out, those of a minimum are not
  | 'low-bits-of-minima' // the other way round
  | 'low-exchanged' // scale and minimum of sub-blocks 4…7 take each other's nibble
  | 'high-exchanged' // scale and minimum of sub-blocks 4…7 take each other's upper bits
  | 'stream' // sixteen numbers of 6 bits one after another, the scales first
  | 'stream-of-pairs' // the same, scale and minimum in turn
  | 'first' // all sub-blocks have those of the first
  | 'by-32' // Q2_K, Q3_K, Q6_K: one scale for 32 weights, not 16
  | 'unsigned'; // Q6_K: int8 taken for uint8; Q3_K, IQ4_XS: the excess of 32 never subtracted

const NONE: Reading = {};
const POWERS = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25));

/** IEEE half precision: 1 sign, 5 exponent and 10 fraction bits. */
export function half(b: DataView, at: number, r = NONE): number {
  if (r.half === 'bf16') return bfloat(b, at);
  const bits = b.getUint16(at, true);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return r.half === 'flushed' ? 0 : sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * (POWERS[exponent] as number);
}

const single = new DataView(new ArrayBuffer(4));

/** The upper half of an IEEE single. */
export function bfloat(b: DataView, at: number): number {
  single.setUint16(2, b.getUint16(at, true), true);
  return single.getFloat32(0, true);
}

/** 32 weights in 16 bytes: 0…15 in the low nibbles, 16…31 in the high. */
export function nibble(b: DataView, at: number, i: number, r: Reading): number {
  if (r.nibbles === 'adjacent') return (b.getUint8(at + (i >> 1)) >> (i & 1 ? 4 : 0)) & 15;
  const byte = b.getUint8(at + (i % 16));
  return i < 16 !== (r.nibbles === 'swapped') ? byte & 15 : byte >> 4;
}

/** Runs of 64 weights in 32 bytes each: of a run, 0…31 in the low nibbles, 32…63 in the high. */
export function nibbleOf64(b: DataView, at: number, i: number, r: Reading): number {
  if (r.nibbles === 'adjacent') return (b.getUint8(at + (i >> 1)) >> (i & 1 ? 4 : 0)) & 15;
  if (r.nibbles === 'by-32') return nibble(b, at + (i >> 5) * 16, i % 32, NONE);
  const byte = b.getUint8(at + (i >> 6) * 32 + (i % 32));
  return i % 64 < 32 !== (r.nibbles === 'swapped') ? byte & 15 : byte >> 4;
}

export const bit = (b: DataView, at: number, i: number): number => (b.getUint8(at + (i >> 3)) >> (i & 7)) & 1;

/** A quant of Q8_0, an int8. */
export function int8(b: DataView, at: number, { excess }: Reading): number {
  if (excess === 'unsigned') return b.getUint8(at);
  return excess === 'none' ? b.getUint8(at) - 128 : b.getInt8(at);
}

/** A quant stored with an excess, as the signed number it stands for. */
export function signed(quant: number, excess: number, r: Reading): number {
  if (r.excess === 'none') return quant;
  if (r.excess === 'twos-complement') return quant < excess ? quant : quant - 2 * excess;
  return quant - excess;
}

export const minimum = (value: number, r: Reading): number =>
  r.minimum === 'missing' ? 0 : r.minimum === 'opposite' ? -value : value;

/**
 * Eight scales and eight minima of 6 bits in 12 bytes. Those of groups 4…7 are in two pieces: 4 bits at the end, 2 bits above groups 0…3.
 *
 * @returns scale + 64 · minimum
 */
export function scaleAndMinimum(b: DataView, at: number, group: number, r: Reading): number {
  const how = r.scales;
  if (how === 'first') return pair(b.getUint8(at), b.getUint8(at + 4));
  if (how === 'stream') return pair(sixBits(b, at, group), sixBits(b, at, group + 8));
  if (how === 'stream-of-pairs') return pair(sixBits(b, at, 2 * group), sixBits(b, at, 2 * group + 1));
  if (group < 4 || how === 'plain') return pair(b.getUint8(at + group), b.getUint8(at + group + 4));
  const nibbles = b.getUint8(at + group + 4);
  const low = how === 'low-exchanged' ? pair(nibbles >> 4, nibbles & 15) : pair(nibbles & 15, nibbles >> 4);
  if (how === 'low-bits') return low;
  const first = (b.getUint8(at + group - 4) >> 6) << 4;
  const second = (b.getUint8(at + group) >> 6) << 4;
  if (how === 'low-bits-of-scales') return low | pair(0, second);
  if (how === 'low-bits-of-minima') return low | pair(first, 0);
  return low | (how === 'high-exchanged' ? pair(second, first) : pair(first, second));
}

const pair = (scale: number, minimum: number): number => (scale & 63) + ((minimum & 63) << 6);

function sixBits(b: DataView, at: number, index: number): number {
  const from = index * 6;
  const second = at + (from >> 3) + 1;
  const word = b.getUint8(at + (from >> 3)) | ((from & 7) > 2 ? b.getUint8(second) << 8 : 0);
  return (word >> (from & 7)) & 63;
}

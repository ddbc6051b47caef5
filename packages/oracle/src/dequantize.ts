/** A ggml tensor type that `dequantizeRow` reads. */
export type QuantizedType =
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K';

/** How one block is read: how many weights it holds, in how many bytes, and what weight `i` of the block at `at` is. */
interface Block {
  elements: number;
  bytes: number;
  weight(bytes: DataView, at: number, i: number): number;
}

/**
 * One row of weights as numbers.
 *
 * @param bytes the row as the file has it, block after block. @param n how many weights.
 * @returns the weights in float64, not rounded anywhere.
 * Source: the block layouts in ggml-common.h and what its comments say of each block.
 * @example dequantizeRow('Q8_0', row, 2048)
 */
export function dequantizeRow(type: QuantizedType, bytes: Uint8Array, n: number): Float64Array {
  const block = BLOCKS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: n }, (_, i) =>
    block.weight(view, Math.floor(i / block.elements) * block.bytes, i % block.elements),
  );
}

const BLOCKS: Record<QuantizedType, Block> = {
  F32: { elements: 1, bytes: 4, weight: (b, at) => b.getFloat32(at, true) },
  F16: { elements: 1, bytes: 2, weight: half },
  BF16: { elements: 1, bytes: 2, weight: bfloat },
  // half d; nibbles[16]
  Q4_0: { elements: 32, bytes: 18, weight: (b, at, i) => half(b, at) * (nibble(b, at + 2, i) - 8) },
  // half d, m; nibbles[16]
  Q4_1: { elements: 32, bytes: 20, weight: (b, at, i) => half(b, at) * nibble(b, at + 4, i) + half(b, at + 2) },
  // half d; bits[4]; nibbles[16]
  Q5_0: {
    elements: 32,
    bytes: 22,
    weight: (b, at, i) => half(b, at) * (nibble(b, at + 6, i) + 16 * bit(b, at + 2, i) - 16),
  },
  // half d, m; bits[4]; nibbles[16]
  Q5_1: {
    elements: 32,
    bytes: 24,
    weight: (b, at, i) => half(b, at) * (nibble(b, at + 8, i) + 16 * bit(b, at + 4, i)) + half(b, at + 2),
  },
  // half d; int8 q[32]
  Q8_0: { elements: 32, bytes: 34, weight: (b, at, i) => half(b, at) * b.getInt8(at + 2 + i) },
  // half d, dmin; scales[12]; nibbles[128], 64 weights in 32 bytes
  Q4_K: {
    elements: 256,
    bytes: 144,
    weight(b, at, i) {
      const { scale, minimum } = scaleAndMinimum(b, at + 4, i >> 5);
      return half(b, at) * scale * nibbleOf64(b, at + 16, i) - half(b, at + 2) * minimum;
    },
  },
  // half d, dmin; scales[12]; high[32], a bit of each byte for each 32 weights; nibbles[128]
  Q5_K: {
    elements: 256,
    bytes: 176,
    weight(b, at, i) {
      const { scale, minimum } = scaleAndMinimum(b, at + 4, i >> 5);
      const fifth = (b.getUint8(at + 16 + (i % 32)) >> (i >> 5)) & 1;
      return half(b, at) * scale * (nibbleOf64(b, at + 48, i) + 16 * fifth) - half(b, at + 2) * minimum;
    },
  },
  // low[128], 128 weights in 64 bytes; high[64], 128 weights in 32 bytes; int8 scales[16]; half d
  Q6_K: {
    elements: 256,
    bytes: 210,
    weight(b, at, i) {
      const side = i >> 7; // of 128 weights
      const quarter = (i >> 5) & 3; // of 32 weights
      const low = (b.getUint8(at + side * 64 + (i % 64)) >> (quarter < 2 ? 0 : 4)) & 15;
      const high = (b.getUint8(at + 128 + side * 32 + (i % 32)) >> (2 * quarter)) & 3;
      return half(b, at + 208) * b.getInt8(at + 192 + (i >> 4)) * (low + 16 * high - 32);
    },
  },
};

/** Whether `dequantizeRow` reads a ggml type. */
export const canDequantize = (type: string): type is QuantizedType => type in BLOCKS;

/** IEEE half precision: 1 sign, 5 exponent and 10 fraction bits. */
function half(b: DataView, at: number): number {
  const bits = b.getUint16(at, true);
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The upper half of an IEEE single. */
function bfloat(b: DataView, at: number): number {
  const single = new DataView(new ArrayBuffer(4));
  single.setUint16(2, b.getUint16(at, true), true);
  return single.getFloat32(0, true);
}

/** 32 weights in 16 bytes: 0…15 in the low nibbles, 16…31 in the high. */
function nibble(b: DataView, at: number, i: number): number {
  const byte = b.getUint8(at + (i % 16));
  return i < 16 ? byte & 15 : byte >> 4;
}

/** Runs of 64 weights in 32 bytes each: of a run, 0…31 in the low nibbles, 32…63 in the high. */
function nibbleOf64(b: DataView, at: number, i: number): number {
  const byte = b.getUint8(at + (i >> 6) * 32 + (i % 32));
  return i % 64 < 32 ? byte & 15 : byte >> 4;
}

function bit(b: DataView, at: number, i: number): number {
  return (b.getUint8(at + (i >> 3)) >> (i & 7)) & 1;
}

/** Eight scales and eight minima of 6 bits in 12 bytes. Those of groups 4…7 are in two pieces: 4 bits at the end, 2 bits above groups 0…3. */
function scaleAndMinimum(b: DataView, at: number, group: number): { scale: number; minimum: number } {
  if (group < 4) return { scale: b.getUint8(at + group) & 63, minimum: b.getUint8(at + group + 4) & 63 };
  const low = b.getUint8(at + group + 4);
  return {
    scale: (low & 15) | ((b.getUint8(at + group - 4) >> 6) << 4),
    minimum: (low >> 4) | ((b.getUint8(at + group) >> 6) << 4),
  };
}

import type { Block } from './block.js';
import {
  bfloat,
  bit,
  half,
  int8,
  minimum,
  nibble,
  nibbleOf64,
  type Reading,
  scaleAndMinimum,
  signed,
} from './block-parts.js';
import { GRID_BLOCKS } from './quants/grids.js';
import { LOW_K_BLOCKS } from './quants/low-k.js';
import { TABLE_BLOCKS } from './quants/tables.js';
import { TERNARY_BLOCKS } from './quants/ternary.js';

export type { Block };

/** A ggml tensor type that can be read here. */
export type QuantizedType =
  | ('F32' | 'F16' | 'BF16')
  | ('Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0')
  | ('Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K')
  | ('IQ1_S' | 'IQ1_M' | 'IQ2_XXS' | 'IQ2_XS' | 'IQ2_S' | 'IQ3_XXS' | 'IQ3_S')
  | ('IQ4_NL' | 'IQ4_XS' | 'MXFP4' | 'NVFP4')
  | ('Q1_0' | 'Q2_0' | 'TQ1_0' | 'TQ2_0');

/** Sources: the block layouts in ggml-common.h and what its comments say of each block. */
export const BLOCKS: Readonly<Record<QuantizedType, Block>> = {
  F32: { elements: 1, bytes: 4, weight: (b, at) => b.getFloat32(at, true) },
  F16: { elements: 1, bytes: 2, weight: (b, at) => half(b, at) },
  BF16: { elements: 1, bytes: 2, weight: (b, at) => bfloat(b, at) },
  // half d; nibbles[16]
  Q4_0: {
    elements: 32,
    bytes: 18,
    weight: (b, at, i, r) => half(b, at, r) * signed(nibble(b, at + 2, i, r), 8, r),
  },
  // half d, m; nibbles[16]
  Q4_1: {
    elements: 32,
    bytes: 20,
    weight: (b, at, i, r) => half(b, at, r) * nibble(b, at + 4, i, r) + minimum(half(b, at + 2, r), r),
  },
  // half d; bits[4]; nibbles[16]
  Q5_0: {
    elements: 32,
    bytes: 22,
    weight: (b, at, i, r) => half(b, at, r) * signed(nibble(b, at + 6, i, r) + 16 * fifth(b, at + 2, i, r), 16, r),
  },
  // half d, m; bits[4]; nibbles[16]
  Q5_1: {
    elements: 32,
    bytes: 24,
    weight: (b, at, i, r) =>
      half(b, at, r) * (nibble(b, at + 8, i, r) + 16 * fifth(b, at + 4, i, r)) + minimum(half(b, at + 2, r), r),
  },
  // half d; int8 q[32]
  Q8_0: {
    elements: 32,
    bytes: 34,
    weight: (b, at, i, r) => half(b, at, r) * int8(b, at + 2 + i, r),
  },
  ...LOW_K_BLOCKS,
  // half d, dmin; scales[12]; nibbles[128], 64 weights in 32 bytes
  Q4_K: {
    elements: 256,
    bytes: 144,
    weight(b, at, i, r) {
      const packed = scaleAndMinimum(b, at + 4, i >> 5, r);
      const least = minimum(half(b, at + 2, r) * (packed >> 6), r);
      return half(b, at, r) * (packed & 63) * nibbleOf64(b, at + 16, i, r) - least;
    },
  },
  // half d, dmin; scales[12]; high[32], a bit of each byte for each 32 weights; nibbles[128]
  Q5_K: {
    elements: 256,
    bytes: 176,
    weight(b, at, i, r) {
      const packed = scaleAndMinimum(b, at + 4, i >> 5, r);
      const least = minimum(half(b, at + 2, r) * (packed >> 6), r);
      const plain = (b.getUint8(at + 16 + (i % 32)) >> (i >> 5)) & 1;
      const high = r.high === 'missing' ? 0 : r.high === 'consecutive' ? bit(b, at + 16, i) : plain;
      return half(b, at, r) * (packed & 63) * (nibbleOf64(b, at + 48, i, r) + 16 * high) - least;
    },
  },
  // low[128], 128 weights in 64 bytes; high[64], 128 weights in 32 bytes; int8 scales[16]; half d
  Q6_K: {
    elements: 256,
    bytes: 210,
    weight(b, at, i, r) {
      const quant = lowOfSix(b, at, i, r) + 16 * highOfSix(b, at + 128, i, r);
      const group = r.scales === 'first' ? 0 : r.scales === 'by-32' ? i >> 5 : i >> 4;
      const scale = r.scales === 'unsigned' ? b.getUint8(at + 192 + group) : b.getInt8(at + 192 + group);
      return half(b, at + 208, r) * scale * signed(quant, 32, r);
    },
  },
  ...GRID_BLOCKS,
  ...TABLE_BLOCKS,
  ...TERNARY_BLOCKS,
};

const fifth = (b: DataView, at: number, i: number, r: Reading): number => (r.high === 'missing' ? 0 : bit(b, at, i));

/** Halves of 128 weights in 64 bytes: the first 64 in the low nibbles, the others in the high. */
function lowOfSix(b: DataView, at: number, i: number, r: Reading): number {
  if (r.nibbles === 'adjacent') return (b.getUint8(at + (i >> 1)) >> (i & 1 ? 4 : 0)) & 15;
  if (r.nibbles === 'by-32') return nibble(b, at + (i >> 5) * 16, i % 32, {});
  const upper = ((i & 64) !== 0) !== (r.nibbles === 'swapped');
  return (b.getUint8(at + (i >> 7) * 64 + (i % 64)) >> (upper ? 4 : 0)) & 15;
}

/** Halves of 128 weights in 32 bytes: two bits for each 32 of them. */
function highOfSix(b: DataView, at: number, i: number, r: Reading): number {
  if (r.high === 'missing') return 0;
  if (r.high === 'consecutive') return (b.getUint8(at + (i >> 2)) >> (2 * (i & 3))) & 3;
  return (b.getUint8(at + (i >> 7) * 32 + (i % 32)) >> (2 * ((i >> 5) & 3))) & 3;
}

/**
 * One row of weights as numbers.
 *
 * @param bytes the row as the file has it, block after block. @param n how many weights.
 * @param reading how the blocks are misread, to see what a bug makes of them; if it is left out, as the format says
 * @returns the weights in float64, not rounded anywhere.
 * Source: the block layouts in ggml-common.h and what its comments say of each block.
 * @example dequantizeRow('Q8_0', row, 2048)
 */
export function dequantizeRow(type: QuantizedType, bytes: Uint8Array, n: number, reading: Reading = {}): Float64Array {
  const block = BLOCKS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const r = withEveryField(reading);
  const weights = new Float64Array(n);
  for (let at = 0, first = 0; first < n; at += block.bytes, first += block.elements) {
    const count = Math.min(block.elements, n - first);
    for (let i = 0; i < count; i++) weights[first + i] = block.weight(view, at, i, r);
  }
  return weights;
}

/** Every reading with the same fields in the same order, so that the engine compiles the loops above once. */
export const withEveryField = ({ nibbles, high, excess, minimum, scales, half, table, signs }: Reading): Reading => ({
  nibbles,
  high,
  excess,
  minimum,
  scales,
  half,
  table,
  signs,
});

/** Whether `dequantizeRow` reads a ggml type. */
export const canDequantize = (type: string): type is QuantizedType => Object.hasOwn(BLOCKS, type);

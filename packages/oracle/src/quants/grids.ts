import type { Block } from '../block.js';
import { bit, half, type Reading } from '../block-parts.js';
import { pointValue } from './codebooks.js';

/** The i-quants whose weights are points of a codebook, eight or four at a time. Sources: ggml-common.h, and ggml-quants.c, dequantize_row_iq*. */
export const GRID_BLOCKS = {
  // half d; for each 32 weights: points[4], then a word of four times seven signs and a scale of 4 bits
  IQ2_XXS: {
    elements: 256,
    bytes: 66,
    weight(b, at, i, r) {
      const group = at + 2 + (i >> 5) * 8;
      const word = b.getUint32(group + 4, true);
      const eight = (i >> 3) & 3;
      const value = pointValue('IQ2_XXS', b.getUint8(group + eight), i & 7);
      return half(b, at, r) * (0.5 + (word >>> 28)) * 0.25 * value * sign(word >>> (7 * eight), i & 7, r);
    },
  },
  // half d; for each 8 weights a half: a point of nine bits, seven signs; scales[8], two of 4 bits
  IQ2_XS: {
    elements: 256,
    bytes: 74,
    weight(b, at, i, r) {
      const both = b.getUint16(at + 2 + (i >> 3) * 2, true);
      const scale = nibbleAt(b, at + 66, i >> 4);
      return (
        half(b, at, r) * (0.5 + scale) * 0.25 * pointValue('IQ2_XS', both & 511, i & 7) * sign(both >> 9, i & 7, r)
      );
    },
  },
  // half d; points[32]; signs[32]; high[8], two bits for each 8 weights; scales[8], two of 4 bits
  IQ2_S: {
    elements: 256,
    bytes: 82,
    weight(b, at, i, r) {
      const high = r.high === 'missing' ? 0 : (b.getUint8(at + 66 + (i >> 5)) >> (2 * ((i >> 3) & 3))) & 3;
      const point = b.getUint8(at + 2 + (i >> 3)) + 256 * high;
      const scale = nibbleAt(b, at + 74, i >> 4);
      return half(b, at, r) * (0.5 + scale) * 0.25 * pointValue('IQ2_S', point, i & 7) * fullSign(b, at + 34, i, r);
    },
  },
  // half d; points[64]; for each 32 weights a word of four times seven signs and a scale of 4 bits
  IQ3_XXS: {
    elements: 256,
    bytes: 98,
    weight(b, at, i, r) {
      const word = b.getUint32(at + 66 + (i >> 5) * 4, true);
      const value = pointValue('IQ3_XXS', b.getUint8(at + 2 + (i >> 2)), i & 3);
      return half(b, at, r) * (0.5 + (word >>> 28)) * 0.5 * value * sign(word >>> (7 * ((i >> 3) & 3)), i & 7, r);
    },
  },
  // half d; points[64]; high[8], a bit for each 4 weights; signs[32]; scales[4], two of 4 bits
  IQ3_S: {
    elements: 256,
    bytes: 110,
    weight(b, at, i, r) {
      const high = r.high === 'missing' ? 0 : bit(b, at + 66, i >> 2);
      const value = pointValue('IQ3_S', b.getUint8(at + 2 + (i >> 2)) + 256 * high, i & 3);
      return half(b, at, r) * (1 + 2 * nibbleAt(b, at + 106, i >> 5)) * value * fullSign(b, at + 74, i, r);
    },
  },
  // half d; points[32]; for each 32 weights a half: three bits for each point, a scale of 3 bits, the sign of the shift
  IQ1_S: {
    elements: 256,
    bytes: 50,
    weight(b, at, i, r) {
      const bits = b.getUint16(at + 34 + (i >> 5) * 2, true);
      const high = r.high === 'missing' ? 0 : (bits >> (3 * ((i >> 3) & 3))) & 7;
      const value = pointValue('IQ1', b.getUint8(at + 2 + (i >> 3)) + 256 * high, i & 7);
      return half(b, at, r) * (2 * ((bits >> 12) & 7) + 1) * (value + shift(bits & 0x8000, r));
    },
  },
  // points[32]; high[16], for each point three bits and the sign of the shift; four halves, of four scales of 3 bits and four bits of the half d
  IQ1_M: {
    elements: 256,
    bytes: 56,
    weight(b, at, i, r) {
      const nibble = nibbleAt(b, at + 32, i >> 3);
      const value = pointValue(
        'IQ1',
        b.getUint8(at + (i >> 3)) + (r.high === 'missing' ? 0 : 256 * (nibble & 7)),
        i & 7,
      );
      const scales = b.getUint16(at + 48 + (i >> 6) * 2, true);
      const scale = (scales >> (3 * ((i >> 4) & 3))) & 7;
      return scatteredHalf(b, at + 48, r) * (2 * scale + 1) * (value + shift(nibble & 8, r));
    },
  },
} satisfies Record<string, Block>;

const nibbleAt = (b: DataView, at: number, index: number): number =>
  (b.getUint8(at + (index >> 1)) >> (4 * (index & 1))) & 15;

/** Of seven signs: the eighth makes the number of negative ones even. */
function sign(bits: number, k: number, r: Reading): number {
  if (r.signs === 'missing') return 1;
  let last = bits & 127;
  last ^= last >> 4;
  last ^= last >> 2;
  last = (last ^ (last >> 1)) & 1;
  const negative = k < 7 ? (bits >> k) & 1 : r.signs === 'seven' ? 0 : last;
  return negative ? -1 : 1;
}

const fullSign = (b: DataView, at: number, i: number, r: Reading): number =>
  r.signs !== 'missing' && bit(b, at, i) ? -1 : 1;

const shift = (negative: number, r: Reading): number => (r.minimum === 'missing' ? 0 : negative ? -0.125 : 0.125);

const scattered = new DataView(new ArrayBuffer(2));

/** A half whose nibbles, the lowest first, are the uppermost of four halves. */
function scatteredHalf(b: DataView, at: number, r: Reading): number {
  const nibble = (k: number): number => b.getUint8(at + 2 * k + 1) >> 4;
  scattered.setUint8(0, nibble(0) | (nibble(1) << 4));
  scattered.setUint8(1, nibble(2) | (nibble(3) << 4));
  return half(scattered, 0, r);
}

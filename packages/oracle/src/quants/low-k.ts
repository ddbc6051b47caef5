import type { Block } from '../block.js';
import { bit, half, minimum, type Reading, signed } from '../block-parts.js';

/** The K-quants of two and three bits. Sources: ggml-common.h; the order of the bits is that of ggml-quants.c, dequantize_row_q2_K and _q3_K. */
export const LOW_K_BLOCKS = {
  // scales[16], a scale and a minimum of 4 bits; low[64]; half d, dmin
  Q2_K: {
    elements: 256,
    bytes: 84,
    weight(b, at, i, r) {
      const both = b.getUint8(at + group(i, r));
      const [scale, least] = r.scales === 'low-exchanged' ? [both >> 4, both & 15] : [both & 15, both >> 4];
      return half(b, at + 80, r) * scale * twoBits(b, at + 16, i, r) - minimum(half(b, at + 82, r) * least, r);
    },
  },
  // high[32], a bit of each byte for each 32 weights; low[64]; scales[12]; half d
  Q3_K: {
    elements: 256,
    bytes: 110,
    weight(b, at, i, r) {
      const plain = (b.getUint8(at + (i % 32)) >> (i >> 5)) & 1;
      const high = r.high === 'missing' ? 0 : r.high === 'consecutive' ? bit(b, at, i) : plain;
      const quant = signed(twoBits(b, at + 32, i, r) + 4 * high, 4, r);
      return half(b, at + 108, r) * sixBitScale(b, at + 96, group(i, r), r) * quant;
    },
  },
} satisfies Record<string, Block>;

const group = (i: number, r: Reading): number => (r.scales === 'first' ? 0 : r.scales === 'by-32' ? i >> 5 : i >> 4);

/** Halves of 128 weights in 32 bytes: two bits of each byte for each 32 of them. */
function twoBits(b: DataView, at: number, i: number, r: Reading): number {
  if (r.nibbles === 'adjacent') return (b.getUint8(at + (i >> 2)) >> (2 * (i & 3))) & 3;
  return (b.getUint8(at + (i >> 7) * 32 + (i % 32)) >> (2 * ((i >> 5) & 3))) & 3;
}

/** Sixteen scales of 6 bits, with an excess of 32, in 12 bytes: the lower four bits in the nibbles of eight, the upper two in the other four. */
function sixBitScale(b: DataView, at: number, index: number, r: Reading): number {
  const byte = b.getUint8(at + (index % 8));
  const low = index < 8 ? byte & 15 : byte >> 4;
  const high = r.scales === 'low-bits' ? 0 : (b.getUint8(at + 8 + (index % 4)) >> (2 * (index >> 2))) & 3;
  return low + 16 * high - (r.scales === 'unsigned' ? 0 : 32);
}

import type { Block } from '../block.js';
import { bit, half, type Reading } from '../block-parts.js';

/** Types whose weights are one of two, three or four multiples of a scale. Sources: ggml-common.h, and ggml-quants.c for the order of the trits. */
export const TERNARY_BLOCKS = {
  // half d; bits[16]
  Q1_0: {
    elements: 128,
    bytes: 18,
    weight: (b, at, i, r) => half(b, at, r) * (bit(b, at + 2, i) ? 1 : -1),
  },
  // half d; two bits for each weight, one after the other
  Q2_0: {
    elements: 64,
    bytes: 18,
    weight: (b, at, i, r) => half(b, at, r) * less1((b.getUint8(at + 2 + (i >> 2)) >> (2 * (i & 3))) & 3, r),
  },
  // five trits of a byte: bytes[32], bytes[16]; four trits of a byte: bytes[4]; half d
  TQ1_0: {
    elements: 256,
    bytes: 54,
    weight(b, at, i, r) {
      const [byte, n] =
        i < 160 ? [i % 32, i >> 5] : i < 240 ? [32 + (i % 16), (i - 160) >> 4] : [48 + (i % 4), (i - 240) >> 2];
      const trit = Math.floor((b.getUint8(at + byte) * 3 ** (n + 1)) / 256) % 3;
      return half(b, at + 52, r) * less1(trit, r);
    },
  },
  // two bits of each weight, 128 weights in 32 bytes; half d
  TQ2_0: {
    elements: 256,
    bytes: 66,
    weight(b, at, i, r) {
      const [byte, bits] =
        r.nibbles === 'adjacent' ? [i >> 2, 2 * (i & 3)] : [(i >> 7) * 32 + (i % 32), 2 * ((i >> 5) & 3)];
      return half(b, at + 64, r) * less1((b.getUint8(at + byte) >> bits) & 3, r);
    },
  },
} satisfies Record<string, Block>;

const less1 = (quant: number, r: Reading): number => (r.excess === 'none' ? quant : quant - 1);

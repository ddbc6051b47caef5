import type { Block } from '../block.js';
import { half, nibble, type Reading } from '../block-parts.js';

/** kvalues_iq4nl of ggml-common.h. */
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Types whose nibbles are looked up. Sources: ggml-common.h; of the floats, the OCP Microscaling Formats (MX) specification. */
export const TABLE_BLOCKS = {
  // half d; nibbles[16]
  IQ4_NL: {
    elements: 32,
    bytes: 18,
    weight: (b, at, i, r) => half(b, at, r) * iq4(nibble(b, at + 2, i, r), r),
  },
  // half d; high[2], two bits for each 32 weights; low[4], four bits; nibbles[128], 32 weights in 16 bytes
  IQ4_XS: {
    elements: 256,
    bytes: 136,
    weight(b, at, i, r) {
      const group = r.scales === 'first' ? 0 : i >> 5;
      const low = (b.getUint8(at + 4 + (group >> 1)) >> (4 * (group & 1))) & 15;
      const high = r.scales === 'low-bits' ? 0 : (b.getUint16(at + 2, true) >> (2 * group)) & 3;
      const scale = low + 16 * high - (r.scales === 'unsigned' ? 0 : 32);
      return half(b, at, r) * scale * iq4(nibble(b, at + 8 + (i >> 5) * 16, i % 32, r), r);
    },
  },
  // exponent, of 2 and with an excess of 127; nibbles[16], a float of a sign, two bits of exponent and one of fraction
  MXFP4: {
    elements: 32,
    bytes: 17,
    weight: (b, at, i, r) => 2 ** (b.getUint8(at) - 127) * e2m1(nibble(b, at + 1, i, r), r),
  },
  // scales[4], floats of four bits of exponent and three of fraction, without a sign; for each 16 weights nibbles[8], floats as in MXFP4
  NVFP4: {
    elements: 64,
    bytes: 36,
    weight(b, at, i, r) {
      const sixteen = r.scales === 'first' ? 0 : i >> 4;
      return e4m3(b.getUint8(at + sixteen)) * e2m1(nibbleOf16(b, at + 4 + (i >> 4) * 8, i % 16, r), r);
    },
  },
} satisfies Record<string, Block>;

/** 16 weights in 8 bytes: 0…7 in the low nibbles, 8…15 in the high. */
function nibbleOf16(b: DataView, at: number, i: number, r: Reading): number {
  if (r.nibbles === 'adjacent') return (b.getUint8(at + (i >> 1)) >> (i & 1 ? 4 : 0)) & 15;
  const byte = b.getUint8(at + (i % 8));
  return i < 8 !== (r.nibbles === 'swapped') ? byte & 15 : byte >> 4;
}

/** ggml takes the pattern of the one NaN for 0, and does not look at the sign's bit. */
function e4m3(bits: number): number {
  if (bits === 0x7f) return 0;
  const exponent = (bits >> 3) & 15;
  const fraction = (bits & 7) / 8;
  return exponent === 0 ? fraction * 2 ** -6 : (1 + fraction) * 2 ** (exponent - 7);
}

const iq4 = (index: number, r: Reading): number => (r.table === 'linear' ? index - 8 : (IQ4[index] as number));

/** Zero has one sign, as in ggml: its table has a second 0 where the format has -0. */
function e2m1(bits: number, r: Reading): number {
  if (r.table === 'linear') return bits - 8;
  const exponent = (bits >> 1) & 3;
  const size = exponent === 0 ? (bits & 1) / 2 : (1 + (bits & 1) / 2) * 2 ** (exponent - 1);
  const value = bits & 8 && size !== 0 ? -size : size;
  return r.table === 'doubled' ? 2 * value : value;
}

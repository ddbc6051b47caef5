import { or, type Packer, putNibbles, putPair, putWords, word } from './words.js';

/** Types whose blocks of 256 weights have a scale, and scales of their sub-blocks in fewer bits. */
export const K_QUANTS = {
  Q2_K(source, s, target, t) {
    putWords(target, t, source, s); // scales and minima
    putWords(target, t + 4, source, s + 8, 16);
    target[t + 20] = word(source, s + 40); // d and dmin
  },
  Q3_K(source, s, target, t) {
    putWords(target, t, source, s, 8); // the third bits
    putWords(target, t + 8, source, s + 16, 16);
    putWords(target, t + 24, source, s + 48, 3); // scales
    target[t + 27] = source[s + 54] as number; // d
  },
  Q4_K(source, s, target, t) {
    putWords(target, t, source, s); // d, dmin, scales and minima
    for (let pair = 0; pair < 4; pair++) putPair(target, t + 4 + pair * 8, source, s + 8 + pair * 16);
  },
  Q5_K(source, s, target, t) {
    putWords(target, t, source, s);
    for (let i = 0; i < 8; i++) {
      // four bytes of eight bits, a bit for each chunk
      const bits = word(source, s + 8 + i * 2);
      for (let c = 0; c < 8; c++) or(target, t + 4 + c, ((bits >>> c) & 0x01010101) << i);
    }
    for (let pair = 0; pair < 4; pair++) putPair(target, t + 12 + pair * 8, source, s + 24 + pair * 16);
  },
  Q6_K(source, s, target, t) {
    putWords(target, t, source, s + 96); // scales
    target[t + 4] = source[s + 104] as number; // d
    for (let side = 0; side < 2; side++) {
      for (let i = 0; i < 8; i++) {
        // four bytes of four times two bits, two for each chunk of this half of the block
        const bits = word(source, s + 64 + side * 16 + i * 2);
        for (let c = 0; c < 4; c++) {
          or(target, t + 8 + side * 8 + c * 2 + (i >> 2), ((bits >>> (c * 2)) & 0x03030303) << ((i & 3) * 2));
        }
      }
      // chunks 0 and 2 share 32 bytes, and so do 1 and 3
      for (let c = 0; c < 2; c++) {
        const even = t + 24 + (side * 4 + c) * 4;
        putNibbles(target, even, even + 8, source, s + side * 32 + c * 16);
      }
    }
  },
} satisfies Record<string, Packer>;

import { type Packer, putHalf, putWords, spreadBits, word } from './words.js';

/** A half and 32 nibbles each. */
const halfAndNibbles: Packer = (source, s, target, t, chunks) => {
  for (let c = 0; c < chunks; c++, s += 9) {
    putHalf(target, t, c, source, s);
    putWords(target, t + 4 + c * 4, source, s + 1);
  }
};

/** Types whose blocks of 32 weights have a scale of their own. The i-quants among them read their nibbles through a table. */
export const BLOCKS_OF_32 = {
  Q8_0(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 17) {
      putHalf(target, t, c, source, s);
      for (let i = 0; i < 8; i++) target[t + 4 + c * 8 + i] = word(source, s + 1 + i * 2);
    }
  },
  Q4_0: halfAndNibbles,
  Q4_1(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 10) {
      target[t + c] = word(source, s);
      putWords(target, t + 8 + c * 4, source, s + 2);
    }
  },
  Q5_0(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 11) {
      putHalf(target, t, c, source, s);
      target[t + 4 + c] = spreadBits(word(source, s + 1));
      putWords(target, t + 12 + c * 4, source, s + 3);
    }
  },
  Q5_1(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 12) {
      target[t + c] = word(source, s);
      target[t + 8 + c] = spreadBits(word(source, s + 2));
      putWords(target, t + 16 + c * 4, source, s + 4);
    }
  },
  IQ4_NL: halfAndNibbles,
  // The exponent has been made a half (evenBlocks of pack.ts).
  MXFP4: halfAndNibbles,
} satisfies Record<string, Packer>;

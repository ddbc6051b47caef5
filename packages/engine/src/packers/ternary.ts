import { type Packer, putHalf, putWords, word } from './words.js';

/** Types whose weights are one of two, three or four multiples of a scale. */
export const TERNARY = {
  Q1_0(source, s, target, t, chunks) {
    for (let block = 0; block < chunks / 4; block++, s += 9) {
      putWords(target, t + block * 4, source, s + 1);
      putHalf(target, t + 8, block, source, s); // d
    }
  },
  Q2_0(source, s, target, t, chunks) {
    for (let block = 0; block < chunks / 2; block++, s += 9) {
      putWords(target, t + block * 4, source, s + 1);
      putHalf(target, t + 16, block, source, s); // d
    }
  },
  TQ1_0(source, s, target, t) {
    putWords(target, t, source, s, 13);
    target[t + 13] = source[s + 26] as number; // d
  },
  TQ2_0(source, s, target, t) {
    putWords(target, t, source, s, 16);
    target[t + 16] = source[s + 32] as number; // d
  },
  NVFP4(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c += 2, s += 18) {
      target[t + (c >> 1)] = word(source, s); // four scales
      putWords(target, t + 4 + c * 4, source, s + 2, 8);
    }
  },
} satisfies Record<string, Packer>;

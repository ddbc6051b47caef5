import { type Packer, putWords, word } from './words.js';

/** Types whose blocks of 256 weights name values of a table, or points of a codebook. */
export const I_QUANTS = {
  IQ2_XXS(source, s, target, t) {
    putWords(target, t, source, s + 1, 16); // points, signs and scales
    target[t + 16] = source[s] as number; // d
  },
  IQ2_XS(source, s, target, t) {
    putWords(target, t, source, s + 1, 18); // points and signs, scales
    target[t + 18] = source[s] as number;
  },
  IQ2_S(source, s, target, t) {
    putWords(target, t, source, s + 1, 20); // points, signs, upper bits of the points, scales
    target[t + 20] = source[s] as number;
  },
  IQ3_XXS(source, s, target, t) {
    putWords(target, t, source, s + 1, 24); // points, signs and scales
    target[t + 24] = source[s] as number;
  },
  IQ3_S(source, s, target, t) {
    putWords(target, t, source, s + 1, 16); // points
    putWords(target, t + 16, source, s + 37, 8); // signs
    putWords(target, t + 24, source, s + 33, 2); // upper bits of the points
    target[t + 26] = word(source, s + 53); // scales
    target[t + 27] = source[s] as number;
  },
  IQ1_S(source, s, target, t) {
    putWords(target, t, source, s + 1, 12); // points, their upper bits with scales and shifts
    target[t + 12] = source[s] as number;
  },
  IQ1_M(source, s, target, t) {
    putWords(target, t, source, s, 14); // points, their upper bits with shifts, scales with d
  },
  IQ4_XS(source, s, target, t) {
    putWords(target, t, source, s, 2); // d and scales
    putWords(target, t + 4, source, s + 4, 32);
  },
} satisfies Record<string, Packer>;

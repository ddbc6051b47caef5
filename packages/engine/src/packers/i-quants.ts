import { type Packer, putWords, word } from './words.js';

/** So many words as they are, and after them the d that the file has before them. */
const wordsThenScale =
  (words: number): Packer =>
  (source, s, target, t) => {
    putWords(target, t, source, s + 1, words);
    target[t + words] = source[s] as number;
  };

/** Types whose blocks of 256 weights name values of a table, or points of a codebook. */
export const I_QUANTS = {
  IQ2_XXS: wordsThenScale(16), // points, signs and scales
  IQ2_XS: wordsThenScale(18), // points and signs, scales
  IQ2_S: wordsThenScale(20), // points, signs, upper bits of the points, scales
  IQ3_XXS: wordsThenScale(24), // points, signs and scales
  IQ3_S(source, s, target, t) {
    putWords(target, t, source, s + 1, 16); // points
    putWords(target, t + 16, source, s + 37, 8); // signs
    putWords(target, t + 24, source, s + 33, 2); // upper bits of the points
    target[t + 26] = word(source, s + 53); // scales
    target[t + 27] = source[s] as number;
  },
  IQ1_S: wordsThenScale(12), // points, their upper bits with scales and shifts
  IQ1_M(source, s, target, t) {
    putWords(target, t, source, s, 14); // points, their upper bits with shifts, scales with d
  },
  IQ4_XS(source, s, target, t) {
    putWords(target, t, source, s, 2); // d and scales
    putWords(target, t + 4, source, s + 4, 32);
  },
} satisfies Record<string, Packer>;

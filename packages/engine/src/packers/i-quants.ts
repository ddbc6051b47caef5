import { type Packer, putWords } from './words.js';

/** Types whose blocks of 256 weights name values of a table, or points of a codebook. */
export const I_QUANTS = {
  IQ4_XS(source, s, target, t) {
    putWords(target, t, source, s, 2); // d and scales
    putWords(target, t + 4, source, s + 4, 32);
  },
} satisfies Record<string, Packer>;

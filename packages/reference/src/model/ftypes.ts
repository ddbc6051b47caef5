import { lookUp } from '@llama-probe/dump/stage';
import { QuantizeError } from '../errors.js';

interface Ftype {
  ftype: number;
  pure: boolean;
  importance?: boolean;
}

/**
 * llama.cpp's file types by the name its quantize tool uses.
 *
 * A name that is a type (`Q4_K`, `Q8_0`) makes every matrix that type; llama.cpp alone would give some of them a finer
 * one. A name with a size (`Q4_K_M`) is llama.cpp's own mix. A matrix whose rows the type does not divide falls back
 * to what llama.cpp chooses, in both.
 * `importance`: llama.cpp wants an importance matrix for the type, and gets one that finds all columns alike.
 */
export const FTYPES: Readonly<Record<string, Ftype>> = {
  F32: { ftype: 0, pure: true },
  F16: { ftype: 1, pure: true },
  BF16: { ftype: 32, pure: true },
  Q8_0: { ftype: 7, pure: true },
  Q4_0: { ftype: 2, pure: true },
  Q4_1: { ftype: 3, pure: true },
  Q5_0: { ftype: 8, pure: true },
  Q5_1: { ftype: 9, pure: true },
  Q2_K: { ftype: 10, pure: true },
  Q3_K: { ftype: 11, pure: true },
  Q4_K: { ftype: 14, pure: true },
  Q5_K: { ftype: 16, pure: true },
  Q6_K: { ftype: 18, pure: true },
  Q2_K_S: { ftype: 21, pure: false, importance: true },
  Q3_K_S: { ftype: 11, pure: false },
  Q3_K_M: { ftype: 12, pure: false },
  Q3_K_L: { ftype: 13, pure: false },
  Q4_K_S: { ftype: 14, pure: false },
  Q4_K_M: { ftype: 15, pure: false },
  Q5_K_S: { ftype: 16, pure: false },
  Q5_K_M: { ftype: 17, pure: false },
  IQ4_NL: { ftype: 25, pure: true },
  IQ4_XS: { ftype: 30, pure: true },
  IQ3_XXS: { ftype: 23, pure: true, importance: true },
  IQ3_S: { ftype: 26, pure: true },
  IQ3_XS: { ftype: 22, pure: false, importance: true },
  IQ3_M: { ftype: 27, pure: false },
  IQ2_XXS: { ftype: 19, pure: true, importance: true },
  IQ2_XS: { ftype: 20, pure: true, importance: true },
  IQ2_S: { ftype: 28, pure: false, importance: true },
  IQ2_M: { ftype: 29, pure: false, importance: true },
  IQ1_S: { ftype: 24, pure: true, importance: true },
  IQ1_M: { ftype: 31, pure: true, importance: true },
  TQ1_0: { ftype: 36, pure: true },
  TQ2_0: { ftype: 37, pure: true },
  MXFP4: { ftype: 38, pure: true },
  MXFP4_MOE: { ftype: 38, pure: false },
  Q1_0: { ftype: 40, pure: true },
  Q2_0: { ftype: 41, pure: true },
};

/** @throws QuantizeError `quantize-type` for a name that llama.cpp does not know. */
export function ftypeOf(name: string): Ftype & { name: string } {
  const upper = name.toUpperCase();
  const type = lookUp(FTYPES, upper);
  if (!type) {
    throw new QuantizeError(
      'quantize-type',
      `"${name}" is no type that llama.cpp quantises to; it knows ${Object.keys(FTYPES).join(', ')}.`,
    );
  }
  return { name: upper, ...type };
}

/** The name of a file's type; llama.cpp's mixes share their number with nothing else, so they win over the pure ones. */
export function ftypeName(ftype: number): string | undefined {
  const guessed = 1024;
  const rows = Object.entries(FTYPES).filter(([, row]) => row.ftype === ftype % guessed);
  return (rows.find(([, row]) => !row.pure) ?? rows[0])?.[0];
}

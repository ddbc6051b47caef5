import type { Finding } from '@llama-probe/comparison/ask';
import { stringify } from 'csv-stringify/sync';
import { tame } from '../tame.js';
import { COLUMNS, rowsOf } from './rows.js';

/** Every stage as a row of CSV, under a row of names. A missing value is empty; numbers that are none are NaN and Infinity. */
export function csv(findings: readonly Finding[]): string {
  const rows = rowsOf(findings).map((row) => COLUMNS.map(({ of }) => of(row)));
  return stringify([COLUMNS.map(({ name }) => name), ...rows], {
    // Spreadsheets compute a text that begins like a formula, and a dump's stages may have any name.
    escape_formulas: true,
    // CSV is looked at, too, also in the log of a CI; the Arrow file has every name as it is.
    cast: { boolean: String, string: tame },
    quoted_match: /^(::|##\[)/,
  });
}

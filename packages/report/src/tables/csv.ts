import type { Finding } from '@llama-probe/comparison/ask';
import { stringify } from 'csv-stringify/sync';
import { COLUMNS, rowsOf } from './rows.js';

/** Every stage as a row of CSV, under a row of names. A missing value is empty; numbers that are none are NaN and Infinity. */
export function csv(findings: readonly Finding[]): string {
  const rows = rowsOf(findings).map((row) => COLUMNS.map(({ of }) => of(row)));
  return stringify([COLUMNS.map(({ name }) => name), ...rows], {
    // Spreadsheets compute a text that begins like a formula, and a dump's stages may have any name.
    escape_formulas: true,
    cast: { boolean: String },
  });
}

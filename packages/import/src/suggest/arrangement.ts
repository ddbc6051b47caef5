import type { ForeignArray } from '../array.js';
import { type Rows, rowsOf } from '../shape/rows.js';

/** One stage of each shape that rows may have: plain, with heads, of scores, of the last token only. */
const KINDS = ['l_out', 'q_rope', 'kq', 'result_output'] as const;

/** In which ways an array without a stage may be rows. @param tokens how many were run */
export function arrangementsOf({ name, shape }: ForeignArray, path: string, tokens: number): readonly Rows[] {
  const found = new Map<string, Rows>();
  for (const stage of KINDS) {
    try {
      const rows = rowsOf(shape, { path, name, stage, tokens });
      const key = [rows.width, rows.positions[0], ...rows.done.filter((step) => step !== 'batch')].join();
      if (!found.has(key)) found.set(key, rows);
    } catch {
      // it is not of this shape
    }
  }
  return [...found.values()];
}

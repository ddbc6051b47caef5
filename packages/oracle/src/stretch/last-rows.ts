import type { StageCase } from '../case.js';
import type { Variation } from '../variation.js';

/** The same case of its last rows alone. What comes through the cache is all there. */
export function lastRows(c: StageCase, count: number): StageCase {
  const inputs = Object.fromEntries(
    Object.entries(c.inputs).map(([name, values]) => {
      const size = (values.length / c.rows) * count;
      return [name, values.subarray(values.length - size)];
    }),
  );
  return { ...c, inputs, rows: count, firstPosition: c.firstPosition + c.rows - count };
}

/** Whether a bug makes a row of other rows of its stage, or depends on how many there are. */
export const mixesRows = ({ norm, attention, softMax, output }: Variation): boolean =>
  norm?.square !== undefined || attention !== undefined || softMax !== undefined || output?.row !== undefined;

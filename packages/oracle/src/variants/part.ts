import { inputOf, operationOf, type StageCase } from '../case.js';
import { mapRows } from '../operations.js';

/**
 * Some values of each row, in pieces of one length.
 *
 * @returns (rows, pieces · length)
 * @example computePart(c) // of the rows that a fused QKV makes, those of K
 */
export function computePart(c: StageCase): Float64Array {
  const { begins = [], part = 0 } = operationOf(c);
  const rows = inputOf(c, 0);
  return mapRows(rows, rows.length / c.rows, (row) => {
    const values = new Float64Array(begins.length * part);
    begins.forEach((begin, i) => {
      values.set(row.subarray(begin, begin + part), i * part);
    });
    return values;
  });
}

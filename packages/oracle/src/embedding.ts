import { concat } from './rows.js';

/**
 * The embedding of each token: the row of the table that its id names.
 *
 * @param row a dequantised row of the table, (n_embd), by id. @returns (tokens, n_embd)
 * Source: Touvron et al. 2023, "LLaMA", arXiv:2302.13971.
 * @example getRows((id) => dequantizeRow('Q8_0', bytesOf(id), 2048), [1, 15043])
 */
export function getRows(row: (id: number) => Float64Array, ids: readonly number[]): Float64Array {
  return concat(ids.map(row));
}

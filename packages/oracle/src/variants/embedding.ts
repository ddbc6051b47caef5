import { type StageCase, weightName } from '../case.js';
import { getRows } from '../operations.js';
import type { Variation } from '../variation.js';
import { weightOf, weightRow } from './weight.js';

/**
 * embd: the row of token_embd.weight that each token's id names.
 *
 * @returns (rows, n_embd)
 * Source: Touvron et al. 2023, "LLaMA", arXiv:2302.13971.
 * @example computeEmbedding(c, { embedding: { idOffset: 1 } }) // each token's is that of the next id
 */
export function computeEmbedding(c: StageCase, v: Variation): Float64Array {
  const layout = v.product ?? {};
  const table = weightOf(c.model, layout.weight ?? (weightName(c) as string));
  const offset = v.embedding?.idOffset ?? 0;
  const tokens = c.tokens.slice(c.firstPosition, c.firstPosition + c.rows);
  return getRows((id) => weightRow(table, Math.min(Math.max(id + offset, 0), table.rows - 1), layout), tokens);
}

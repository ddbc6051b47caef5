import type { StageCase } from '../case.js';
import type { SoftMaxVariation } from '../variation.js';

/**
 * Whether a row sees a position, through the mask of a bug.
 *
 * Source: causality, Vaswani et al. 2017, arXiv:1706.03762 §3.2.3; a window, Beltagy et al. 2020, arXiv:2004.05150 §3.1.
 * @example sees(9, 1, c, { chunk: 8 }) // true: row 9 is the second of its chunk, and sees positions 0 and 1
 */
export function sees(row: number, position: number, c: StageCase, s: SoftMaxVariation): boolean {
  const own = ownPosition(row, c, s);
  const ahead = s.masked === 'after' ? Number.POSITIVE_INFINITY : (s.ahead ?? 0);
  return position <= own + ahead && position > own - (s.window ?? c.model.config.window ?? Number.POSITIVE_INFINITY);
}

/** Where the mask takes the row to be. */
function ownPosition(row: number, c: StageCase, { past, chunk }: SoftMaxVariation): number {
  const own = past === 'hidden' ? row : c.firstPosition + row;
  return chunk === undefined ? own : own % chunk;
}

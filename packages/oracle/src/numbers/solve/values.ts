import { kqv, kvHeadOf } from '../../attention.js';
import { attentionOf } from '../../case.js';
import type { Idea, Wrong } from '../wrong.js';
import { type Attend, operands, readHeads, withHeads } from './cache-heads.js';
import { elsewhere } from './inputs.js';

const VALUES: Attend = (c, x, cache) => kqv(x, cache, { ...attentionOf(c), headCountKv: c.model.config.headCount });

/** kqv_out = P · V: which heads of V are read; or V itself, solved for row by row. */
export function* values(wrong: Wrong): Generator<Idea> {
  const found = operands(wrong);
  if (!found) return;
  const { c } = wrong;
  const { x, cache } = found;
  yield* readHeads(wrong, VALUES, x.rows, cache);
  const solved = solvedValues(wrong, x.rows, cache);
  if (!solved) return;
  const own = (head: number) => kvHeadOf(head, attentionOf(c));
  const { headCountKv, headDim } = c.model.config;
  const operand = {
    name: 'V',
    ...solved,
    right: cache,
    heads: headCountKv,
    rows: cache.length / (headCountKv * headDim),
    first: 0,
  };
  yield* elsewhere(wrong, operand, (rows) => VALUES(c, x.rows, withHeads(c, rows, own)));
}

/** How small the share of a row's own position may be: what is divided by it is noise. */
const LEAST_SHARE = 1e-3;

/**
 * V of a prompt from the first row on: row t is what row t of kqv_out has beyond the rows before it, divided by the share of its own
 * position. Of the query heads that share a head, the one whose shares are largest.
 */
function solvedValues({ c, sick, rows, width }: Wrong, p: Float64Array, cache: Float64Array) {
  const { headCount, headCountKv, headDim } = c.model.config;
  if (c.firstPosition !== 0 || cache.length !== rows * headCountKv * headDim || rows < 2) return undefined;
  const solved = new Float64Array(cache.length);
  const share = (row: number, head: number, at: number) => p[(row * headCount + head) * rows + at] as number;
  let least = 1;
  for (let kv = 0; kv < headCountKv; kv++) {
    const heads = Array.from({ length: headCount }, (_, head) => head).filter(
      (head) => kvHeadOf(head, attentionOf(c)) === kv,
    );
    const smallest = (head: number) =>
      Array.from({ length: rows }, (_, row) => share(row, head, row)).reduce((a, b) => Math.min(a, b));
    const head = heads.reduce((a, b) => (smallest(b) > smallest(a) ? b : a));
    least = Math.min(least, smallest(head));
    for (let row = 0; row < rows; row++) {
      for (let d = 0; d < headDim; d++) {
        let rest = sick[row * width + head * headDim + d] as number;
        for (let at = 0; at < row; at++)
          rest -= share(row, head, at) * (solved[(at * headCountKv + kv) * headDim + d] as number);
        solved[(row * headCountKv + kv) * headDim + d] = rest / share(row, head, row);
      }
    }
  }
  return least < LEAST_SHARE ? undefined : { solved, noise: Math.min(1 / least, 100) };
}

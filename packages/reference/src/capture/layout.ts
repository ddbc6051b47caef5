import type { GraphNode } from './node.js';

/** Rows, one per token: how ggml's dimensions become (token, width). */
export interface Rows {
  width: number;
  values: Float32Array; // (tokens, width)
}

/** `rows`: the slowest dimension is the token. `heads`: (width, token, head). undefined: no dimension is the token. */
export function layoutOf({ ne }: GraphNode, tokens: number): 'rows' | 'heads' | undefined {
  if (tokens === 1) return 'rows';
  const slowest = ne.findLastIndex((count) => count > 1);
  if (slowest >= 0 && ne[slowest] === tokens) return 'rows';
  if (ne[1] === tokens && ne[3] === 1) return 'heads';
  return undefined;
}

/**
 * (width, token, head) as ggml has it → (token, head, width).
 *
 * @param keep how many of a row's first entries are kept; the rest of `kq` is padding of the cache.
 */
export function headsToRows(values: Float32Array, ne: readonly number[], keep = ne[0] as number): Rows {
  const [width, tokens, heads] = ne as [number, number, number];
  const out = new Float32Array(tokens * heads * keep);
  for (let token = 0; token < tokens; token++) {
    for (let head = 0; head < heads; head++) {
      const from = (head * tokens + token) * width;
      out.set(values.subarray(from, from + keep), (token * heads + head) * keep);
    }
  }
  return { width: heads * keep, values: out };
}

/**
 * The inverse of headsToRows: rows into a node's values, in ggml's order. What the rows have no entry for, the padding, stays.
 *
 * @param firstRow the token of the first row
 * @param isHidden whether an entry of `values`, counted from the node's first row, stays as it is too
 */
export function rowsToHeads(
  { values, width }: Rows,
  firstRow: number,
  ne: readonly number[],
  into: Float32Array,
  isHidden: (entry: number) => boolean = () => false,
): void {
  const [padded, tokens, heads] = ne as [number, number, number];
  const keep = width / heads;
  for (let token = firstRow; token < tokens; token++) {
    for (let head = 0; head < heads; head++) {
      const to = (head * tokens + token) * padded;
      const from = ((token - firstRow) * heads + head) * keep;
      const entry = (token * heads + head) * keep;
      for (let i = 0; i < keep; i++) {
        if (!isHidden(entry + i)) into[to + i] = values[from + i] as number;
      }
    }
  }
}

/**
 * Overwrites with NaN what the mask hides.
 *
 * @param hidden (tokens, seen): which earlier positions a token does not see
 */
export function hide(
  { values, width }: Rows,
  hidden: (token: number, position: number) => boolean,
  seen: number,
): void {
  const tokens = values.length / width;
  for (let token = 0; token < tokens; token++) {
    for (let position = 0; position < seen; position++) {
      if (!hidden(token, position)) continue;
      for (let at = token * width + position; at < (token + 1) * width; at += seen) values[at] = Number.NaN;
    }
  }
}

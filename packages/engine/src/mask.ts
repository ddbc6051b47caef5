import type { StageAt } from './hook.js';

// Scores (kq) are (tokens, heads, n_kv), and a token sees the positions up to its own, or the last of them. The kernels leave those after it alone.

/** The dump's contract: NaN for what a token must not see. Writes into `values`. */
export function hideFuture(at: StageAt, values: Float32Array): void {
  for (const { begin, from, seen, end } of scoreRows(at)) {
    values.fill(Number.NaN, begin, from);
    values.fill(Number.NaN, seen, end);
  }
}

/**
 * A copy with the largest score that the token sees, of the same head, in place of what it must not see.
 *
 * A softmax that looks past the mask then makes finite, reproducible, clearly wrong numbers of it, where NaN would take the
 * whole rest of the pass; one that does not is not disturbed.
 */
export function fillFuture(at: StageAt, values: Float32Array): Float32Array {
  const filled = values.slice();
  for (const { begin, from, seen, end } of scoreRows(at)) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = from; i < seen; i++) {
      const score = values[i] as number;
      if (Number.isFinite(score) && score > largest) largest = score;
    }
    const fill = Number.isFinite(largest) ? largest : 0;
    filled.fill(fill, begin, from);
    filled.fill(fill, seen, end); // 0 where a wrong engine's row has no number at all
  }
  return filled;
}

/** Where each row of scores begins, where what it may see does, where what it must not see again begins, and where it ends. */
function* scoreRows({
  firstPosition,
  tokens,
  width,
  sight = {},
}: StageAt): Generator<{ begin: number; from: number; seen: number; end: number }> {
  const nKv = firstPosition + tokens;
  for (let token = 0; token < tokens; token++) {
    const until = sight.all ? nKv : firstPosition + token + 1;
    const first = sight.window === undefined ? 0 : Math.max(0, until - sight.window);
    for (let begin = token * width; begin < (token + 1) * width; begin += nKv) {
      yield { begin, from: begin + first, seen: begin + until, end: begin + nKv };
    }
  }
}

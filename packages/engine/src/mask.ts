import type { StageAt } from './hook.js';

// Scores (kq) are (tokens, heads, n_kv), and a token sees the positions up to its own. The kernels leave the others alone.

/** The dump's contract: NaN for what a token must not see. Writes into `values`. */
export function hideFuture(at: StageAt, values: Float32Array): void {
  for (const { seen, end } of scoreRows(at)) values.fill(Number.NaN, seen, end);
}

/**
 * A copy with the largest score that the token sees, of the same head, in place of what it must not see.
 *
 * A softmax that looks past the mask then makes finite, reproducible, clearly wrong numbers of it, where NaN would take the
 * whole rest of the pass; one that does not is not disturbed.
 */
export function fillFuture(at: StageAt, values: Float32Array): Float32Array {
  const filled = values.slice();
  for (const { begin, seen, end } of scoreRows(at)) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = begin; i < seen; i++) {
      const score = values[i] as number;
      if (Number.isFinite(score) && score > largest) largest = score;
    }
    filled.fill(Number.isFinite(largest) ? largest : 0, seen, end); // 0 where a wrong engine's row has no number at all
  }
  return filled;
}

/** Where each row of scores begins, where what it must not see begins, and where it ends. */
function* scoreRows({
  firstPosition,
  tokens,
  width,
}: StageAt): Generator<{ begin: number; seen: number; end: number }> {
  const nKv = firstPosition + tokens;
  for (let token = 0; token < tokens; token++) {
    for (let begin = token * width; begin < (token + 1) * width; begin += nKv) {
      yield { begin, seen: begin + firstPosition + token + 1, end: begin + nKv };
    }
  }
}

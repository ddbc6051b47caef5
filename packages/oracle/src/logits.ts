/**
 * The greedy choice: the index of the largest logit, and of equal ones the first.
 *
 * @param logits (n_vocab), of one row
 * @example argmax(Float64Array.of(1, 3, 3)) // 1
 */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
}

/** ln of the probabilities of each id of the vocabulary. */
export type LogProbs = Float64Array;

/** A reference's rows, by position: each is computed when it is asked for, since all of a window's take twice the memory of its logits. */
export interface ReferenceRows {
  /** How many ids the vocabulary has; undefined where there is no row. */
  readonly width: number | undefined;
  get(position: number): LogProbs | undefined;
}

/** What both sides say after one position of a text. */
export interface Score {
  /** KL(reference ‖ candidate) in nats; Infinity where the candidate has NaN or infinities. */
  readonly kl: number;
  /** Their greedy choices. */
  readonly reference: number;
  readonly candidate: number;
  /** How many ids the candidate prefers to the reference's choice. */
  readonly rank: number;
  /** −ln of the probability of the token that does follow; undefined where none does. */
  readonly nll?: { readonly reference: number; readonly candidate: number };
}

/** llama.cpp leaves out what its files of log-probabilities cannot tell: source: tools/perplexity/perplexity.cpp, `log_softmax` with a base. */
const NOTHING = -16;

/** The logarithm of Σ exp(logit). @returns NaN where there is a NaN or +Infinity */
export function logSumExp(logits: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) if ((logits[id] as number) > top) top = logits[id] as number;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp((logits[id] as number) - top);
  return top + Math.log(sum);
}

/** ln softmax, in f64; NaN everywhere where one of them is NaN or +Infinity. */
export function logProbs(logits: Float32Array): LogProbs {
  const whole = logSumExp(logits);
  const row = new Float64Array(logits.length);
  for (let id = 0; id < row.length; id++) row[id] = (logits[id] as number) - whole;
  return row;
}

/**
 * Holds the candidate's logits at a position to the reference's log-probabilities there.
 *
 * The definitions are those of llama.cpp's perplexity tool with --kl-divergence: terms of ids with a probability under e⁻¹⁶ are left out.
 *
 * @param next the token that follows in the text
 * @example scoreOf(logProbs(reference), candidate, 15043).kl
 */
export function scoreOf(reference: LogProbs, candidate: Float32Array, next?: number): Score {
  const whole = logSumExp(candidate);
  let choice = 0;
  let other = 0;
  let kl = 0;
  for (let id = 0; id < reference.length; id++) {
    const logP = reference[id] as number;
    const logit = candidate[id] as number;
    if (logP > (reference[choice] as number)) choice = id;
    if (logit > (candidate[other] as number)) other = id;
    if (logP > NOTHING) kl += Math.exp(logP) * (logP - (logit - whole));
  }
  const chosen = candidate[choice] as number;
  let rank = 0;
  for (let id = 0; id < candidate.length; id++) if ((candidate[id] as number) > chosen) rank++;
  return {
    kl: Number.isFinite(kl) ? kl : Number.POSITIVE_INFINITY,
    reference: choice,
    candidate: other,
    rank,
    ...(next === undefined
      ? {}
      : { nll: { reference: -(reference[next] as number), candidate: whole - (candidate[next] as number) } }),
  };
}

/** The same of logits. */
export const rowsOfLogits = (logits: ReadonlyMap<number, Float32Array>): ReferenceRows => ({
  width: logits.values().next().value?.length,
  get(position) {
    const row = logits.get(position);
    return row && logProbs(row);
  },
});

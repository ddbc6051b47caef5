/** One of the highest logits. */
export interface TopLogit {
  readonly id: number;
  readonly logit: number;
}

/** What the last position's logits of both sides say about the next token. */
export interface LogitsSummary {
  /** The greedy choices are the same. */
  readonly top1Agree: boolean;
  /** By how much the reference prefers its choice to its second: a flip inside the error is a tie. */
  readonly top1Margin: number;
  /** KL(reference ‖ candidate) of the softmax, in nats. */
  readonly klDivergence: number;
  readonly topK: { readonly candidate: readonly TopLogit[]; readonly reference: readonly TopLogit[] };
}

/** What the two sides would say next, after the prompt (step 0) or a decoded token. */
export interface GreedyChoice {
  readonly step: number;
  readonly candidate: number;
  readonly reference: number;
  /** By how much the reference prefers its choice to the candidate's. */
  readonly gap: number;
  /** How far the limits let two logits move apart: a gap within it is a tie. */
  readonly allowed: number;
}

/** Compares the greedy choices of one row of logits; undefined where a side has none, because all are NaN. */
export function greedyChoice(
  step: number,
  candidate: Float32Array,
  reference: Float32Array,
): Omit<GreedyChoice, 'allowed'> | undefined {
  const [ours] = highest(candidate, 1);
  const [theirs] = highest(reference, 1);
  if (!ours || !theirs) return undefined;
  return { step, candidate: ours.id, reference: theirs.id, gap: theirs.logit - (reference[ours.id] as number) };
}

/** Compares one row of logits. @param k how many of the highest to keep. */
export function compareLogits(candidate: Float32Array, reference: Float32Array, k = 5): LogitsSummary {
  const topK = { candidate: highest(candidate, k), reference: highest(reference, k) };
  return {
    top1Agree: topK.candidate[0] !== undefined && topK.candidate[0].id === topK.reference[0]?.id,
    top1Margin: (topK.reference[0]?.logit ?? Number.NaN) - (topK.reference[1]?.logit ?? Number.NaN),
    klDivergence: klDivergence(reference, candidate),
    topK,
  };
}

/** The k highest, highest first; ties keep the lower id, as llama.cpp's greedy sampler does. NaN is never among them. */
export function highest(logits: Float32Array, k: number): TopLogit[] {
  const top: TopLogit[] = [];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (top.length === k && !(logit > (top[k - 1] as TopLogit).logit)) continue;
    if (Number.isNaN(logit)) continue;
    let place = top.length;
    while (place > 0 && logit > (top[place - 1] as TopLogit).logit) place--;
    top.splice(place, 0, { id, logit });
    top.length = Math.min(top.length, k);
  }
  return top;
}

/** Σ p·(ln p − ln q) for p = softmax(a), q = softmax(b), in f64. */
export function klDivergence(a: Float32Array, b: Float32Array): number {
  const logP = logSoftmax(a);
  const logQ = logSoftmax(b);
  let sum = 0;
  for (let i = 0; i < logP.length; i++) {
    const p = Math.exp(logP[i] as number);
    if (p > 0) sum += p * ((logP[i] as number) - (logQ[i] as number));
  }
  return Math.max(0, sum);
}

function logSoftmax(logits: Float32Array): Float64Array {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > top) top = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return Float64Array.from(logits, (logit) => logit - top - Math.log(sum));
}

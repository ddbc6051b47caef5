import { logSumExp } from '../text/score.js';
import type { LogP, Sparse } from './sparse.js';

/** What is known before a position. */
export interface Seen {
  /** The tokens up to it. */
  readonly before: readonly number[];
  readonly logits: Float32Array;
  /** What the server says. */
  readonly row: Sparse;
}

/** What servers do to logits before they tell probabilities: each makes other log-probabilities of right logits. */
export interface LogitTrial {
  readonly id: string;
  title(value: number | null): string;
  readonly look: string;
  /** What its parameter may be, or is by these numbers. */
  values(seen: readonly Seen[]): readonly number[];
  logP(seen: Seen, value: number): LogP;
}

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(4)));

/** The logarithm of the sum after some logits were changed. */
function changed(logits: Float32Array, whole: number, change: ReadonlyMap<number, number>): LogP {
  let sum = 1;
  for (const [id, value] of change) sum += Math.exp(value - whole) - Math.exp((logits[id] as number) - whole);
  const own = whole + Math.log(Math.max(sum, Number.MIN_VALUE));
  return (id) => (change.get(id) ?? (logits[id] as number)) - own;
}

/** Each token that was seen before, and how often. */
function counts(before: readonly number[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const id of before) found.set(id, (found.get(id) ?? 0) + 1);
  return found;
}

const wholes = new WeakMap<Float32Array, number>();
function wholeOf(logits: Float32Array): number {
  const known = wholes.get(logits);
  if (known !== undefined) return known;
  const whole = logSumExp(logits);
  wholes.set(logits, whole);
  return whole;
}

const penalised =
  (of: (logit: number, count: number, value: number) => number) =>
  ({ before, logits }: Seen, value: number): LogP => {
    const change = new Map<number, number>();
    for (const [id, count] of counts(before))
      if (id < logits.length) change.set(id, of(logits[id] as number, count, value));
    return changed(logits, wholeOf(logits), change);
  };

const SAMPLING =
  'Penalties, temperature and filters belong to sampling, and these numbers are from after it: ask the server for those from before, or leave the option out.';

export const LOGIT_TRIALS: readonly LogitTrial[] = [
  {
    id: 'temperature',
    title: (value) => `all logits are divided by ${value}, as a temperature of ${value} does`,
    look: `${SAMPLING} If no temperature was meant: a factor that is missing, or one too many, before the softmax (a logit scale, a soft-cap).`,
    values: (seen) => temperatures(seen),
    logP({ logits }, value) {
      let top = Number.NEGATIVE_INFINITY;
      for (const logit of logits) if (logit > top) top = logit;
      let sum = 0;
      for (const logit of logits) sum += Math.exp((logit - top) / value);
      const whole = top / value + Math.log(sum);
      return (id) => (logits[id] as number) / value - whole;
    },
  },
  {
    id: 'repetition-penalty',
    title: (value) => `a repetition penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(0.5, 0.99, 0.01), ...range(1.01, 2, 0.01)],
    logP: penalised((logit, _, value) => (logit > 0 ? logit / value : logit * value)),
  },
  {
    id: 'presence-penalty',
    title: (value) => `a presence penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(-2, -0.05, 0.05), ...range(0.05, 2, 0.05)],
    logP: penalised((logit, _, value) => logit - value),
  },
  {
    id: 'frequency-penalty',
    title: (value) => `a frequency penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(-2, -0.05, 0.05), ...range(0.05, 2, 0.05)],
    logP: penalised((logit, count, value) => logit - value * count),
  },
  {
    id: 'only-returned',
    title: () => 'its probabilities are those of the tokens that it returned only, and sum to one',
    look: `${SAMPLING} Top-k, top-p and min-p leave out the others; a softmax over the returned ones alone does it too.`,
    values: (seen) => (seen.every(({ row }) => Math.abs(sumOf(row) - 1) < 1e-3 && row.ids.length > 1) ? [1] : []),
    logP({ logits, row }) {
      const ids = row.ids.filter((_, i) => (row.logP[i] as number) > IMPOSSIBLE);
      const own = logSumExp(Float32Array.from(ids, (id) => logits[id] as number));
      const returned = new Set(ids);
      return (id) => (returned.has(id) ? (logits[id] as number) - own : undefined);
    },
  },
];

const IMPOSSIBLE = -100; // ln of a probability: what was left out may be returned as that

const sumOf = ({ logP }: Sparse): number => logP.reduce((sum, one) => sum + Math.exp(one), 0);

/** By how much the differences of the server's log-probabilities are those of the logits, weighed by how much they count; in numbers that somebody would write. */
function temperatures(seen: readonly Seen[]): readonly number[] {
  let [products, squares] = [0, 0];
  for (const { logits, row } of seen) {
    const weights = row.ids.map((id) => Math.exp((logits[id] as number) - wholeOf(logits)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = (values: readonly number[]) =>
      values.reduce((sum, one, i) => sum + one * (weights[i] as number), 0) / total;
    const right = row.ids.map((id) => logits[id] as number);
    const [rightMean, ourMean] = [mean(right), mean(row.logP)];
    for (const [i, weight] of weights.entries()) {
      const off = (right[i] as number) - rightMean;
      products += weight * off * ((row.logP[i] as number) - ourMean);
      squares += weight * off * off;
    }
  }
  const value = squares / products;
  if (!Number.isFinite(value) || value < 0.01 || value > 100) return [];
  const rounded = [1, 2, 3].map((digits) => Number(value.toFixed(digits)));
  return [...new Set(rounded)].filter((one) => one > 0 && one !== 1);
}

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

/** What is done to the logit of a token that was seen before so often. */
export type Penalty = (logit: number, count: number) => number;

/** What is done to logits before they are told as probabilities, in this order. */
export interface Done {
  readonly penalties?: readonly Penalty[];
  readonly temperature?: number;
  /** Whether the softmax is over the returned tokens only. */
  readonly isReturnedOnly?: boolean;
}

/** What servers do to logits before they tell probabilities: each makes other log-probabilities of right logits. */
export interface LogitTrial {
  readonly id: string;
  title(value: number): string;
  readonly look: string;
  /** What its parameter may be, or is by these numbers. */
  values(seen: readonly Seen[]): readonly number[];
  done(value: number): Done;
  /** How often it takes its value from the logit of a token that was seen so often. */
  times?(count: number): number;
}

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(4)));

/** Each token that was seen before, and how often. */
export function counts(before: readonly number[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const id of before) found.set(id, (found.get(id) ?? 0) + 1);
  return found;
}

/** The log-probabilities that right logits make after that. */
export function logPAfter({ before, logits, row }: Seen, done: Done): LogP {
  const { penalties = [], temperature = 1, isReturnedOnly = false } = done;
  const changed = new Map<number, number>();
  if (penalties.length > 0)
    for (const [id, count] of counts(before))
      if (id < logits.length)
        changed.set(
          id,
          penalties.reduce((logit, penalty) => penalty(logit, count), logits[id] as number),
        );
  const own = (id: number) => (changed.get(id) ?? (logits[id] as number)) / temperature;
  if (!isReturnedOnly) return changedLogP(logits, changed, temperature);
  const ids = row.ids.filter((_, i) => (row.logP[i] as number) > IMPOSSIBLE);
  const whole = logSumExp(Float32Array.from(ids, own));
  const returned = new Set(ids);
  return (id) => (returned.has(id) ? own(id) - whole : undefined);
}

/** Those after some logits were changed. */
export function changedLogP(logits: Float32Array, change: ReadonlyMap<number, number>, temperature = 1): LogP {
  const whole = wholeOf(logits, temperature);
  let sum = 1;
  for (const [id, value] of change)
    sum += Math.exp(value / temperature - whole) - Math.exp((logits[id] as number) / temperature - whole);
  const own = whole + Math.log(Math.max(sum, Number.MIN_VALUE));
  return (id) => (change.get(id) ?? (logits[id] as number)) / temperature - own;
}

const wholes = new WeakMap<Float32Array, Map<number, number>>();

/** The logarithm of the sum at a temperature; it is asked for often, and takes the whole vocabulary. */
function wholeOf(logits: Float32Array, temperature = 1): number {
  const known = wholes.get(logits) ?? new Map<number, number>();
  wholes.set(logits, known);
  let whole = known.get(temperature);
  if (whole === undefined) {
    let top = Number.NEGATIVE_INFINITY;
    for (const logit of logits) if (logit > top) top = logit;
    let sum = 0;
    for (const logit of logits) sum += Math.exp((logit - top) / temperature);
    whole = top / temperature + Math.log(sum);
    known.set(temperature, whole);
  }
  return whole;
}

const SAMPLING =
  'Penalties, temperature and filters belong to sampling, and these numbers are from after it: ask the server for those from before, or leave the option out.';

export const LOGIT_TRIALS: readonly LogitTrial[] = [
  {
    id: 'temperature',
    title: (value) => `all logits are divided by ${value}, as a temperature of ${value} does`,
    look: `${SAMPLING} If no temperature was meant: a factor that is missing, or one too many, before the softmax (a logit scale, a soft-cap).`,
    values: (seen) => temperatures(seen),
    done: (temperature) => ({ temperature }),
  },
  {
    id: 'repetition-penalty',
    title: (value) => `a repetition penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(0.5, 0.99, 0.01), ...range(1.01, 2, 0.01)],
    done: (value) => ({ penalties: [(logit) => (logit > 0 ? logit / value : logit * value)] }),
  },
  {
    id: 'presence-penalty',
    title: (value) => `a presence penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(-2, -0.05, 0.05), ...range(0.05, 2, 0.05)],
    done: (value) => ({ penalties: [(logit) => logit - value] }),
    times: (count) => Math.min(count, 1),
  },
  {
    id: 'frequency-penalty',
    title: (value) => `a frequency penalty of ${value} is on the logits of all tokens before`,
    look: SAMPLING,
    values: () => [...range(-2, -0.05, 0.05), ...range(0.05, 2, 0.05)],
    done: (value) => ({ penalties: [(logit, count) => logit - value * count] }),
    times: (count) => count,
  },
  {
    id: 'only-returned',
    title: () => 'its probabilities are those of the tokens that it returned only, and sum to one',
    look: `${SAMPLING} Top-k, top-p and min-p leave out the others; a softmax over the returned ones alone does it too.`,
    values: (seen) => (seen.every(({ row }) => Math.abs(sumOf(row) - 1) < 1e-3 && row.ids.length > 1) ? [1] : []),
    done: () => ({ isReturnedOnly: true }),
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
  return writtenTemperatures(squares / products);
}

/** The numbers that somebody would write for a temperature. */
export function writtenTemperatures(value: number): readonly number[] {
  if (!Number.isFinite(value) || value < 0.01 || value > 100) return [];
  const rounded = [1, 2, 3].map((digits) => Number(value.toFixed(digits)));
  return [...new Set(rounded)].filter((one) => one > 0 && one !== 1);
}

import type { Place } from './answer.js';
import type { Spelling } from './spelling.js';

/** What a server says of the next token: the likeliest ones only. */
export interface Sparse {
  readonly ids: readonly number[];
  /** ln of their probabilities, as they were sent. */
  readonly logP: readonly number[];
  /** The likeliest; undefined where it is no id for certain. */
  readonly top: number | undefined;
  /** How many of them are no id for certain. */
  readonly unresolved: number;
}

/** @returns undefined where none of its tokens can be told */
export function sparseOf({ top: likely }: Place, spelling: Spelling): Sparse | undefined {
  const known = new Map<number, number>();
  for (const one of likely) {
    const id = spelling.idOf(one);
    if (id !== undefined && !known.has(id)) known.set(id, one.logP);
  }
  if (known.size === 0) return undefined;
  const [best] = likely;
  return {
    ids: [...known.keys()],
    logP: [...known.values()],
    top: best && spelling.idOf(best),
    unresolved: likely.length - known.size,
  };
}

/** The reference's ln of a probability; undefined where it has none of this id. */
export type LogP = (id: number) => number | undefined;

export const sparseLogP = ({ ids, logP }: Sparse): LogP => {
  const known = new Map(ids.map((id, i) => [id, logP[i] as number]));
  return (id) => known.get(id);
};

export interface Held {
  /** KL(reference ‖ server) in nats, of what both say: the whole divergence is at least that. */
  readonly kl: number;
  /** The probability that the reference and the server give to the ids that are compared. */
  readonly covered: { readonly reference: number; readonly candidate: number };
}

const REST = 1e-4; // of probability: less is not told from the error of a sum in f32
const LEAST = 1e-9;

/**
 * Holds what a server says to a reference. The ids that both name are compared one by one, and all others as one: by the chain rule, the divergence of what is
 * within, weighed, and that of "within or not" are parts of the whole one, which is never smaller. The second is left out where next to nothing is outside.
 *
 * @returns undefined where they have no id in common
 */
export function heldTo({ ids, logP }: Sparse, reference: LogP): Held | undefined {
  const both = ids.flatMap((id, i) => {
    const right = reference(id);
    return right === undefined ? [] : [{ p: Math.exp(right), right, ours: logP[i] as number }];
  });
  const inside = both.reduce((sum, { p }) => sum + p, 0);
  const ours = both.reduce((sum, { ours }) => sum + Math.exp(ours), 0);
  if (both.length === 0 || !(inside > 0)) return undefined;
  const [lnInside, lnOurs] = [Math.log(inside), Math.log(Math.max(ours, Number.MIN_VALUE))];
  let kl = both.reduce((sum, { p, right, ours }) => sum + p * (right - lnInside - (ours - lnOurs)), 0);
  const [rest, ourRest] = [Math.max(1 - inside, 0), Math.max(1 - ours, 0)];
  if (Math.max(rest, ourRest) > REST) {
    kl += inside * (lnInside - lnOurs);
    if (rest > 0) kl += rest * Math.log(rest / Math.max(ourRest, LEAST));
  }
  return { kl: Math.max(kl, 0), covered: { reference: Math.min(inside, 1), candidate: Math.min(ours, 1) } };
}

/** How a server writes its numbers: with so many decimals, in bf16, or with more than that. */
export interface Written {
  readonly decimals: number | null;
  readonly isBf16: boolean;
}

const SEEN = 8; // numbers, from which on it can be said

export function writtenAs(rows: Iterable<Sparse>): Written {
  const all = [...rows].flatMap(({ logP }) => logP).filter((value) => value !== 0);
  if (all.length < SEEN) return { decimals: null, isBf16: false };
  const has = (digits: number) =>
    all.every((value) => Math.abs(value * 10 ** digits - Math.round(value * 10 ** digits)) < 1e-6);
  const decimals = [0, 1, 2, 3, 4, 5, 6].find(has) ?? null;
  const bits = new Uint32Array(Float32Array.from(all).buffer);
  const isBf16 = all.every((value, i) => Math.fround(value) === value && ((bits[i] as number) & 0xffff) === 0);
  return { decimals, isBf16 };
}

/** What rounding of the printed numbers explains at most, twice over. */
export function roundingOf({ ids, logP }: Sparse, reference: LogP, { decimals, isBf16 }: Written): number {
  if (decimals === null && !isBf16) return 0;
  let [squares, mean, inside] = [0, 0, 0];
  for (const [i, id] of ids.entries()) {
    const right = reference(id);
    if (right === undefined) continue;
    const p = Math.exp(right);
    const error = Math.max(
      decimals === null ? 0 : 0.5 * 10 ** -decimals,
      isBf16 ? Math.abs(logP[i] as number) * 2 ** -9 : 0,
    );
    squares += p * error * error;
    mean += p * error;
    inside += p;
  }
  return 2 * (squares + (mean * mean) / Math.max(1 - inside, REST));
}

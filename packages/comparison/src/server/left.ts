import type { ServerCause } from './report.js';
import { heldTo, type LogP } from './sparse.js';
import type { Seen } from './trials.js';

/** A position at which both sides are held to each other. */
export interface Place extends Seen {
  readonly position: number;
  readonly kl: number;
  readonly limit: number;
}

const FEWEST = 3; // positions, from which on numbers can be said to be the same
export const FAR = 20; // times as near as without
const SURE = 1000; // … where no position is over its limit
const NEAR = 5e-5; // nats, then
const TIED = 3;
const NOTHING = 1e-12; // nats

export interface Left extends Pick<ServerCause, 'kl' | 'before' | 'positions'> {
  /** Whether the numbers are the same, within the limits. */
  readonly isSame: boolean;
}

/** How far the server's numbers are from changed logits. */
export function leftOf<P extends Place>(places: readonly P[], changed: (place: P) => LogP): Left {
  const kls = places.map((place) => heldTo(place.row, changed(place))?.kl ?? Number.POSITIVE_INFINITY);
  const [kl, before] = [summary(kls), summary(places.map((place) => place.kl))];
  const isOver = places.some((place) => place.kl > place.limit);
  const isWithin = places.every(({ limit }, i) => (kls[i] as number) <= limit);
  const isNear = isOver ? FAR * kl.mean <= before.mean : SURE * kl.mean <= before.mean && kl.max <= NEAR;
  return { kl, before, positions: places.length, isSame: places.length >= FEWEST && isWithin && isNear };
}

/** Whether what is left is as little as the least that any leaves. */
export const isAsNear = (mean: number, nearest: number): boolean => mean <= TIED * nearest + NOTHING;

const summary = (kls: readonly number[]): { max: number; mean: number } => ({
  max: Math.max(0, ...kls),
  mean: kls.reduce((sum, one) => sum + one, 0) / Math.max(1, kls.length),
});

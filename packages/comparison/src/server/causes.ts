import { logPOf } from './floor.js';
import type { ServerCause } from './report.js';
import { heldTo, type LogP } from './sparse.js';
import { LOGIT_TRIALS, type Seen } from './trials.js';

/** A position at which both sides are held to each other. */
export interface Place extends Seen {
  readonly position: number;
  readonly kl: number;
  readonly limit: number;
}

/** Other tokens that the server may have run in place of those that it was sent. */
export interface OtherTokens {
  readonly id: string;
  readonly title: string;
  readonly look: string;
  readonly tokens: readonly number[];
  /** Where a position is in them; undefined where it has none. */
  place(position: number): number | undefined;
}

const FEWEST = 3; // positions, from which on numbers can be said to be the same
const FAR = 20; // times as near as without
const SURE = 1000; // … where no position is over its limit
const NEAR = 5e-5; // nats, then
const TIED = 3;
const NOTHING = 1e-12; // nats

/** Those known things that, done to right logits, make the server's numbers: several where they cannot be told apart. */
export async function causesOf(
  places: readonly Place[],
  others: readonly OtherTokens[],
  run: (tokens: readonly number[]) => Promise<ReadonlyMap<number, Float32Array>>,
): Promise<readonly ServerCause[]> {
  const found: ServerCause[] = [];
  for (const { id, look, ...trial } of LOGIT_TRIALS) {
    const tried = trial
      .values(places)
      .map((value) => ({ value, left: leftOf(places, (place) => trial.logP(place, value)) }));
    const nearest = Math.min(...tried.map(({ left }) => left.kl.mean));
    // Where they are as near, the one that is written with the fewest digits comes first.
    const best = tried.find(({ left }) => left.isSame && left.kl.mean <= TIED * nearest + NOTHING);
    if (!best) continue;
    const value = id === 'only-returned' ? null : best.value;
    found.push({ id, title: trial.title(best.value), value, look, ...figures(best.left) });
  }
  for (const { id, title, look, tokens, place: placeIn } of others) {
    const logits = await run(tokens);
    const there = places.flatMap((place) => {
      const row = logits.get(placeIn(place.position) ?? -1);
      return row ? [{ ...place, logits: row }] : [];
    });
    const left = leftOf(there, ({ logits }) => logPOf(logits));
    if (left.isSame) found.push({ id, title, look, value: null, ...figures(left) });
  }
  const [best] = found.sort((a, b) => a.kl.mean - b.kl.mean);
  return best ? found.filter(({ kl }) => kl.mean <= TIED * best.kl.mean + NOTHING) : [];
}

type Left = Omit<ServerCause, 'id' | 'title' | 'look' | 'value'> & { readonly isSame: boolean };
const figures = ({ isSame: _, ...left }: Left) => left;

/** How far the server's numbers are from changed logits. */
function leftOf<P extends Place>(places: readonly P[], changed: (place: P) => LogP): Left {
  const kls = places.map((place) => heldTo(place.row, changed(place))?.kl ?? Number.POSITIVE_INFINITY);
  const [kl, before] = [summary(kls), summary(places.map((place) => place.kl))];
  const isOver = places.some((place) => place.kl > place.limit);
  const isWithin = places.every(({ limit }, i) => (kls[i] as number) <= limit);
  const isNear = isOver ? FAR * kl.mean <= before.mean : SURE * kl.mean <= before.mean && kl.max <= NEAR;
  return { kl, before, positions: places.length, isSame: places.length >= FEWEST && isWithin && isNear };
}

const summary = (kls: readonly number[]): { max: number; mean: number } => ({
  max: Math.max(0, ...kls),
  mean: kls.reduce((sum, one) => sum + one, 0) / Math.max(1, kls.length),
});

import { biasOf } from './bias.js';
import { logPOf } from './floor.js';
import { isAsNear, leftOf, type Place } from './left.js';
import { pairOf } from './pairs.js';
import type { ServerCause } from './report.js';
import { LOGIT_TRIALS, logPAfter } from './trials.js';

/** Other tokens that the server may have run in place of those that it was sent. */
export interface OtherTokens {
  readonly id: string;
  readonly title: string;
  readonly look: string;
  readonly tokens: readonly number[];
  /** Where a position is in them; undefined where it has none. */
  place(position: number): number | undefined;
}

/** Those known things that, done to right logits, make the server's numbers: several where they cannot be told apart. */
export async function causesOf(
  places: readonly Place[],
  others: readonly OtherTokens[],
  run: (tokens: readonly number[]) => Promise<ReadonlyMap<number, Float32Array>>,
): Promise<readonly ServerCause[]> {
  const found: ServerCause[] = [];
  const nearestOf = new Map<string, number>();
  for (const { id, look, ...trial } of LOGIT_TRIALS) {
    const tried = trial
      .values(places)
      .map((value) => ({ value, left: leftOf(places, (place) => logPAfter(place, trial.done(value))) }));
    const nearest = Math.min(...tried.map(({ left }) => left.kl.mean));
    nearestOf.set(id, nearest);
    // Where they are as near, the one that is written with the fewest digits comes first.
    const best = tried.find(({ left }) => left.isSame && isAsNear(left.kl.mean, nearest));
    if (!best) continue;
    const { isSame: _, ...figures } = best.left;
    const value = id === 'only-returned' ? null : best.value;
    found.push({ id, title: trial.title(best.value), value, parts: [{ id, token: null, value }], look, ...figures });
  }
  for (const { id, title, look, tokens, place: placeIn } of others) {
    const logits = await run(tokens);
    const there = places.flatMap((place) => {
      const row = logits.get(placeIn(place.position) ?? -1);
      return row ? [{ ...place, logits: row }] : [];
    });
    const { isSame, ...figures } = leftOf(there, ({ logits }) => logPOf(logits));
    if (isSame) found.push({ id, title, look, value: null, parts: [{ id, token: null, value: null }], ...figures });
  }
  const [best] = found.sort((a, b) => a.kl.mean - b.kl.mean);
  if (best) return found.filter(({ kl }) => isAsNear(kl.mean, best.kl.mean));
  // What takes more to say is said only where it alone makes these numbers.
  const combined = [pairOf(places, nearestOf), biasOf(places)].flatMap((one) => one ?? []);
  return combined.length === 1 ? combined : [];
}

import { type LimitRule, ROW_FACTOR } from '@llama-probe/diff';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { Held } from './hold.js';
import { firstBatch } from './way.js';

/** What rounding explains: of a row of a stage, its floor and its limit. */
export interface Limit {
  /** How far rows are that were computed in a batch of another size, with nothing in the cache; null where there are none. */
  readonly floor: number | null;
  readonly limit: number;
}

/**
 * The floor is measured in the runs themselves: a row of the first batch is computed as in the prefill, from nothing that is cached, in a batch
 * of another size. How far it is from the prefill's is the order of the sums, and nothing else. A stage's floor is the largest of those rows, in its
 * layer or one before it, since rounding adds up. What is too far for rounding is no floor: there the computation depends on the size of the batch.
 */
export function limitsOf(held: readonly Held[], { margin, minimum }: LimitRule): (place: Place) => Limit {
  const least = minimum * ROW_FACTOR;
  const measured = new Map<string, { layer: number | null; floor: number }[]>();
  for (const { way, deltas } of held) {
    const end = firstBatch(way);
    if (end === undefined) continue;
    for (const { stage, layer, position, delta } of deltas) {
      if (position >= end || !(delta <= margin * least)) continue;
      const seen = measured.get(stage) ?? [];
      measured.set(stage, seen);
      seen.push({ layer, floor: delta });
    }
  }
  const known = new Map<string, Limit>();
  return (place) => {
    const key = placeKey(place);
    const old = known.get(key);
    if (old) return old;
    const upTo = (measured.get(place.stage) ?? []).filter(({ layer }) => (layer ?? 0) <= (place.layer ?? 0));
    const floor = upTo.length === 0 ? null : upTo.reduce((most, one) => Math.max(most, one.floor), 0);
    const limit = { floor, limit: Math.max(margin * (floor ?? 0), least) };
    known.set(key, limit);
    return limit;
  };
}

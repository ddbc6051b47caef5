import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { StageCase } from '../case.js';
import { computeStage } from '../compute.js';
import type { Variation } from '../variation.js';
import { lastRows, mixesRows } from './last-rows.js';

/** A stage inside a stretch, with the rows that a right pass has before it. */
export interface StretchStage extends Place {
  /** undefined where the oracle does not compute it, or not all of its rows are there. */
  readonly case: StageCase | undefined;
  /** The places whose rows its case has. */
  readonly inputs: readonly Place[];
  /** The one of them that its case has in the cache, with those of earlier passes before it. */
  readonly cached?: Place | undefined;
}

/**
 * What lies between rows that an engine has and the next that it has, as a right pass computes it from the former. In evaluation order; the last
 * stage is the one that it has.
 */
export interface Stretch {
  readonly stages: readonly StretchStage[];
}

/** What differs, by the key of the place. */
export type Variations = ReadonlyMap<string, Variation>;

/**
 * The last stage of a stretch, where some of its stages have a bug: they, and what follows from them, are computed; all else is as it was.
 *
 * @param last how many of its rows are wanted, the last ones; what keys and values are made of is computed for all rows
 * @returns (rows, width); undefined where the oracle cannot compute what follows
 * @example computeStretch(stretch, new Map([['3/q_rope', { rope: { pairs: 'halves' } }]])) // l_out of layer 3
 */
export function computeStretch(
  { stages }: Stretch,
  variations: Variations = new Map(),
  last = Number.POSITIVE_INFINITY,
): Float64Array | undefined {
  const changed = new Map<string, Float64Array>();
  const end = stages.at(-1);
  const whole = last === Number.POSITIVE_INFINITY ? undefined : wholeRows(stages, variations);
  for (const stage of stages) {
    const key = placeKey(stage);
    const variation = variations.get(key);
    if (!variation && stage !== end && !placesOf(stage).some((place) => changed.has(placeKey(place)))) continue;
    if (!stage.case) return undefined;
    const { rows } = stage.case;
    const isWhole = !whole || last >= rows || whole.has(key);
    const c = isWhole ? stage.case : lastRows(stage.case, last);
    changed.set(key, computeStage(withChanged(stage, c, changed), variation));
  }
  const found = end && changed.get(placeKey(end));
  const size = found && end?.case && (found.length / end.case.rows) * Math.min(last, end.case.rows);
  return whole?.has(end ? placeKey(end) : '') && found && size ? found.subarray(found.length - size) : found;
}

/** The same without a bug, every stage of it computed by the oracle: what it leaves is the oracle's own. */
export const computeWhole = (stretch: Stretch): Float64Array | undefined =>
  computeStretch(stretch, new Map(stretch.stages.flatMap((stage) => (stage.case ? [[placeKey(stage), {}]] : []))));

/** The stages that one of these changes, in evaluation order, the changed ones with them. */
export function behind({ stages }: Stretch, changed: readonly StretchStage[]): StretchStage[] {
  const keys = new Set(changed.map(placeKey));
  return stages.filter((stage) => {
    const isBehind = keys.has(placeKey(stage)) || placesOf(stage).some((place) => keys.has(placeKey(place)));
    if (isBehind) keys.add(placeKey(stage));
    return isBehind;
  });
}

/** The stages of which all rows are needed, whichever are wanted: all that keys and values are made of, and what a bug makes of several rows. */
export function wholeRows(stages: readonly StretchStage[], variations: Variations): ReadonlySet<string> {
  const whole = new Set<string>();
  for (const stage of [...stages].reverse()) {
    const key = placeKey(stage);
    const variation = variations.get(key);
    if (variation && mixesRows(variation)) whole.add(key);
    if (stage.cached) whole.add(placeKey(stage.cached));
    if (whole.has(key)) for (const place of placesOf(stage)) whole.add(placeKey(place));
  }
  return whole;
}

const placesOf = ({ inputs, cached }: StretchStage): readonly Place[] => (cached ? [...inputs, cached] : inputs);

function withChanged(
  { inputs: places, cached }: StretchStage,
  c: StageCase,
  changed: ReadonlyMap<string, Float64Array>,
): StageCase {
  const inputs = { ...c.inputs };
  for (const place of places) {
    const rows = changed.get(placeKey(place));
    const size = inputs[place.stage]?.length;
    if (rows && size !== undefined) inputs[place.stage] = rows.subarray(rows.length - size);
  }
  const newest = cached && changed.get(placeKey(cached));
  if (!newest || !c.cache) return { ...c, inputs };
  const cache = c.cache.slice();
  cache.set(newest, cache.length - newest.length);
  return { ...c, inputs, cache };
}

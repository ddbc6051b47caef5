import type { MappingEntry } from '../map/schema.js';
import type { Found } from './find.js';

/** Entries of a mapping file, each with what it was made of. */
export interface Entries {
  readonly layersFrom: 0 | 1;
  readonly entries: readonly { readonly entry: MappingEntry; readonly of: readonly Found[] }[];
}

/** Arrays that are stages as entries: those of several layers in one, where their names have the number of the layer in one place. */
export function entriesOf(found: readonly Found[]): Entries {
  const layersFrom = found.some(({ place }) => place.layer !== null) && countsFromOne(found) ? 1 : 0;
  const groups = new Map<string, { entry: MappingEntry; of: Found[] }>();
  for (const one of found) {
    const { array, place, columns } = one;
    const { stage } = place;
    const cut = columns ? { columns: [...columns] as [number, number] } : {};
    const layer = place.layer === null ? null : place.layer + layersFrom;
    const name = layer === null ? undefined : patternOf(array.name, layer);
    const entry: MappingEntry =
      name !== undefined
        ? { name, stage, ...cut }
        : { name: array.name, stage, ...(layer === null ? {} : { layer }), ...cut };
    const key = JSON.stringify(entry);
    const group = groups.get(key) ?? { entry, of: [] };
    group.of.push(one);
    groups.set(key, group);
  }
  return { layersFrom, entries: [...groups.values()] };
}

/** Whether every name has a number that is one more than its layer, and some have none that is the layer. */
function countsFromOne(found: readonly Found[]): boolean {
  const layered = found.filter(({ place }) => place.layer !== null);
  const all = (offset: number) =>
    layered.every(({ array, place }) => patternOf(array.name, (place.layer as number) + offset) !== undefined);
  return !all(0) && all(1);
}

/** @example patternOf('dec.3.q', 3) === 'dec.{layer}.q' */
function patternOf(name: string, layer: number): string | undefined {
  for (const { 0: digits, index } of name.matchAll(/\d+/g)) {
    if (digits === String(layer)) return `${name.slice(0, index)}{layer}${name.slice(index + digits.length)}`;
  }
  return undefined;
}

import type { ForeignArray } from '../array.js';
import { matcher } from '../map/pattern.js';
import type { MappingEntry } from '../map/schema.js';
import type { Found } from './find.js';
import { patternsOf } from './layer-in-name.js';

/** Entries of a mapping file, each with what it was made of. */
export interface Entries {
  readonly layersFrom: 0 | 1;
  readonly entries: readonly {
    readonly entry: Exclude<MappingEntry, { ignore: true }>;
    readonly of: readonly Found[];
  }[];
}

type Entry = Entries['entries'][number]['entry'];

/**
 * Arrays that are stages as entries: those of several layers in one, where their names have the number of the layer in one place. Where a name has it in several, the place
 * counts in which most have it.
 *
 * @param arrays all that the file has: no pattern may mean half of a sum
 */
export function entriesOf(found: readonly Found[], arrays: readonly ForeignArray[]): Entries {
  const layersFrom = found.some(({ place }) => place.layer !== null) && countsFromOne(found) ? 1 : 0;
  const options = new Map(found.map((one) => [one, entriesFor(one, layersFrom, arrays)]));
  const votes = new Map<string, number>();
  for (const of of options.values())
    for (const entry of of) votes.set(JSON.stringify(entry), (votes.get(JSON.stringify(entry)) ?? 0) + 1);
  const groups = new Map<string, { entry: Entry; of: Found[] }>();
  for (const one of found) {
    const patterns = (options.get(one) ?? []).map((entry) => ({ entry, count: votes.get(JSON.stringify(entry)) ?? 0 }));
    patterns.sort((a, b) => b.count - a.count);
    const [first, second] = patterns;
    const entry = first && first.count > (second?.count ?? 0) ? first.entry : plain(one, layersFrom);
    const key = JSON.stringify(entry);
    const group = groups.get(key) ?? { entry, of: [] };
    group.of.push(one);
    groups.set(key, group);
  }
  return { layersFrom, entries: [...groups.values()] };
}

/** With the number of the layer left open, in every way in which the names have it. */
function entriesFor(one: Found, layersFrom: number, arrays: readonly ForeignArray[]): Entry[] {
  const { array, addend, place, columns } = one;
  const { stage } = place;
  if (place.layer === null) return [];
  const layer = place.layer + layersFrom;
  const names = patternsOf(array.name, layer);
  if (!addend) return names.map((name) => ({ name, stage, ...cut(columns) }));
  const sums = names.flatMap((a) => patternsOf(addend.name, layer).map((b): [string, string] => [a, b]));
  return sums.filter((sum) => arePairs(sum, arrays)).map((sum) => ({ sum, stage }));
}

/** Whether every array that one pattern means has its other half in every layer. */
function arePairs(sum: readonly [string, string], arrays: readonly ForeignArray[]): boolean {
  const [first, second] = sum.map((pattern) =>
    arrays.flatMap(({ name }) => matcher(pattern)(name)?.layer ?? []).sort((a, b) => a - b),
  );
  return first !== undefined && String(first) === String(second) && new Set(first).size === first.length;
}

/** By its whole name. */
function plain({ array, addend, place, columns }: Found, layersFrom: number): Entry {
  const { stage } = place;
  const layer = place.layer === null ? {} : { layer: place.layer + layersFrom };
  if (addend) return { sum: [array.name, addend.name], stage, ...layer };
  return { name: array.name, stage, ...layer, ...cut(columns) };
}

function cut(columns: Found['columns']): { columns?: [number, number]; every?: number } {
  if (!columns) return {};
  const { from, to, every } = columns;
  return { columns: [from, to], ...(every === undefined ? {} : { every }) };
}

/** Whether every name has a number that is one more than its layer, and some have none that is the layer. */
function countsFromOne(found: readonly Found[]): boolean {
  const layered = found.filter(({ place }) => place.layer !== null);
  const all = (offset: number) =>
    layered.every(({ array, addend, place }) =>
      [array, ...(addend ? [addend] : [])].every(
        ({ name }) => patternsOf(name, (place.layer as number) + offset).length > 0,
      ),
    );
  return !all(0) && all(1);
}

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
  /** Arrays that are like another stage than most of their name, which stage that is: a mistake of the engine would be hidden by a map that follows it. */
  readonly exceptions: readonly { readonly found: Found; readonly stage: string }[];
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
  const known = new Map<string, number>();
  /** How many arrays an entry takes for something else than they are. */
  const rivals = (entry: Entry): number => {
    const key = JSON.stringify(entry);
    const count = known.get(key) ?? found.filter(saysElse(entry, layersFrom)).length;
    known.set(key, count);
    return count;
  };
  const patterns = new Map<Found, Entry>();
  for (const one of found) {
    const counted = (options.get(one) ?? []).map((entry) => ({ entry, count: votes.get(JSON.stringify(entry)) ?? 0 }));
    counted.sort((a, b) => b.count - a.count);
    const [first, second] = counted;
    if (first && first.count > Math.max(second?.count ?? 0, rivals(first.entry))) patterns.set(one, first.entry);
  }
  const groups = new Map<string, { entry: Entry; of: Found[] }>();
  const exceptions: { found: Found; stage: string }[] = [];
  const all = [...new Map([...patterns.values()].map((entry) => [JSON.stringify(entry), entry])).values()].map(
    (entry) => ({ stage: entry.stage, isElse: saysElse(entry, layersFrom) }),
  );
  for (const one of found) {
    const pattern = patterns.get(one);
    const other = pattern ? undefined : all.find(({ isElse }) => isElse(one));
    if (other) {
      exceptions.push({ found: one, stage: other.stage });
      continue;
    }
    const entry = pattern ?? plain(one, layersFrom);
    const key = JSON.stringify(entry);
    const group = groups.get(key) ?? { entry, of: [] };
    group.of.push(one);
    groups.set(key, group);
  }
  return { layersFrom, entries: [...groups.values()], exceptions };
}

/** Whether an entry takes an array for another stage, or one of another layer, than it was found to be. */
function saysElse(entry: Entry, layersFrom: number): (found: Found) => boolean {
  if ('sum' in entry) return () => false;
  const match = matcher(entry.name);
  const columns = JSON.stringify(cut(columnsOf(entry)));
  return ({ array, addend, place, columns: own }) => {
    const matched = addend || JSON.stringify(cut(own)) !== columns ? undefined : match(array.name);
    if (!matched) return false;
    return entry.stage !== place.stage || place.layer === null || matched.layer !== place.layer + layersFrom;
  };
}

const columnsOf = ({ columns, every }: Extract<Entry, { name: string }>): Found['columns'] =>
  columns && { from: columns[0], to: columns[1], ...(every === undefined ? {} : { every }) };

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

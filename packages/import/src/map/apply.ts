import { DumpError } from '@llama-probe/dump';
import { type ForeignArray, showShape } from '../array.js';
import { toFloats } from '../dtype.js';
import type { Placed } from '../names/placed.js';
import { matcher } from './pattern.js';
import type { Mapping, MappingEntry } from './schema.js';

/** What a mapping says of arrays. */
export interface Mapped {
  readonly placed: readonly Placed[];
  readonly tokens: readonly ForeignArray[];
  /** Those that it says nothing of. */
  readonly rest: readonly ForeignArray[];
  readonly notes: readonly string[];
}

/** @throws DumpError where two arrays that are to be added have other shapes, or where one of them is not there */
export function applyMapping(arrays: readonly ForeignArray[], mapping: Mapping, path: string): Mapped {
  const used = new Set<ForeignArray>();
  const placed: Placed[] = [];
  const idle: string[] = [];
  let ignored = 0;
  for (const entry of mapping.tensors ?? []) {
    const found = 'sum' in entry ? sums(arrays, entry, path) : named(arrays, entry);
    for (const { of, one } of found) {
      for (const array of of) used.add(array);
      if (one) placed.push(one);
      else ignored += of.length;
    }
    if (found.length === 0) idle.push('sum' in entry ? entry.sum.join(' + ') : entry.name);
  }
  const tokens = arrays.filter(({ name }) => name === mapping.tokens);
  if (mapping.tokens !== undefined && tokens.length === 0) idle.push(mapping.tokens);
  for (const array of tokens) used.add(array);
  return {
    placed,
    tokens,
    rest: arrays.filter((array) => !used.has(array)),
    notes: [
      `names: the mapping file (${placed.length})`,
      ...(ignored > 0 ? [`left out by the mapping file: ${ignored}`] : []),
      ...idle.map((name) => `of the mapping file, ${name} is in no name`),
    ],
  };
}

interface Found {
  readonly of: readonly ForeignArray[];
  /** undefined for what is to be left out. */
  readonly one?: Placed;
}

function named(arrays: readonly ForeignArray[], entry: Exclude<MappingEntry, { sum: unknown }>): Found[] {
  const match = matcher(entry.name);
  return arrays.flatMap((array): Found[] => {
    const matched = match(array.name);
    if (!matched) return [];
    if ('ignore' in entry) return [{ of: [array] }];
    const place = { stage: entry.stage, layer: matched.layer ?? entry.layer ?? null };
    const columns = entry.columns && { from: entry.columns[0], to: entry.columns[1], every: entry.every };
    return [{ of: [array], one: { array, place, isKnown: true, columns } }];
  });
}

function sums(arrays: readonly ForeignArray[], entry: Extract<MappingEntry, { sum: unknown }>, path: string): Found[] {
  const [first, second] = entry.sum.map(matcher) as [ReturnType<typeof matcher>, ReturnType<typeof matcher>];
  return arrays.flatMap((a): Found[] => {
    const matched = first(a.name);
    if (!matched) return [];
    const b = arrays.find((other) => {
      const same = other === a ? undefined : second(other.name);
      return same !== undefined && same.layer === matched.layer;
    });
    if (!b) throw wrong(path, `${a.name} is to be added to ${entry.sum[1]}, which is not there`);
    if (showShape(a.shape) !== showShape(b.shape)) {
      throw wrong(path, `${a.name} ${showShape(a.shape)} is to be added to ${b.name} ${showShape(b.shape)}`);
    }
    const place = { stage: entry.stage, layer: matched.layer ?? entry.layer ?? null };
    return [{ of: [a, b], one: { array: sumOf(a, b), place, isKnown: true } }];
  });
}

const sumOf = (a: ForeignArray, b: ForeignArray): ForeignArray => ({
  name: `${a.name} + ${b.name}`,
  shape: a.shape,
  dtype: 'F32',
  async read() {
    const [one, other] = [toFloats(await a.read(), a.dtype), toFloats(await b.read(), b.dtype)];
    const sum = new Float32Array(one.length);
    for (let i = 0; i < sum.length; i++) sum[i] = (one[i] as number) + (other[i] as number);
    return new Uint8Array(sum.buffer);
  },
});

const wrong = (path: string, what: string): DumpError =>
  new DumpError('dump-map', `${path}: by the mapping file, ${what}. Both must be there, in one shape.`);

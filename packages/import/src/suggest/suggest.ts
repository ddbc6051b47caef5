import type { RecordedRun } from '@llama-probe/dump';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import { type ForeignArray, sizeOf } from '../array.js';
import { isFloat, toNumbers } from '../dtype.js';
import { unsupported } from '../errors.js';
import { applyMapping } from '../map/apply.js';
import { matcher } from '../map/pattern.js';
import { readMapping } from '../map/read.js';
import type { Mapping } from '../map/schema.js';
import { factsOf } from '../names/facts.js';
import { listed, placeArrays, tensors } from '../names/place-arrays.js';
import { openSource } from '../open.js';
import type { OpenOptions } from '../run.js';
import { type Entries, entriesOf } from './entries.js';
import { findStages } from './find.js';
import type { Added } from './residues.js';

/** A mapping file for what has no stage, and why each entry is in it. */
export interface Suggested {
  /** With the entries of the mapping file that was given. */
  readonly mapping: Mapping;
  /** How many stages the new entries find. */
  readonly found: number;
  readonly notes: readonly string[];
}

/**
 * Proposes which stages the arrays are whose names nobody knows, by their numbers beside those of a whole run of the same tokens.
 *
 * @throws DumpError where it cannot be read, or has no arrays with names of their own
 */
export async function suggestMap(path: string, reference: RecordedRun, options: OpenOptions = {}): Promise<Suggested> {
  const given = options.map === undefined ? undefined : await readMapping(options.map);
  const source = await openSource(path, { ...options, tokens: options.tokens ?? reference.metadata.tokens });
  if (typeof source === 'string') {
    const remedy = 'Call its stages what docs/dump-format.md calls them, or write arrays: safetensors, .npz, .pt.';
    throw unsupported(path, `has ${source === 'log' ? "llama.cpp's names" : 'the columns of a dump'}`, remedy);
  }
  try {
    const { arrays } = source;
    const facts = await factsOf(arrays, reference.metadata.model?.layers);
    const mapped = given && applyMapping(arrays, given, path);
    const firstLayer = given?.layersFrom ?? facts.firstLayer;
    const { placed, tokens: ids } = placeArrays(source, { ...facts, firstLayer }, mapped);
    const known = placed.filter(({ isKnown }) => isKnown);
    const taken = new Set(known.map(({ place }) => placeKey(place)));
    const strangers = placed.filter(({ isKnown }) => !isKnown).map(({ array }) => array);
    const isKnown = (place: Place) => taken.has(placeKey(place));
    const { found, added } = await findStages(strangers, reference, path, isKnown);
    const entries = entriesOf(found, strangers);
    const tokens = ids.length > 0 ? undefined : await idsIn(strangers, reference.metadata.tokens);
    const used = new Set(found.flatMap(({ array, addend }) => [array, addend]));
    const sums = new Set(added.map(({ array }) => array));
    const covered = ({ name }: ForeignArray) =>
      entries.entries.some(({ entry }) => namesOf(entry).some((pattern) => matcher(pattern)(name) !== undefined));
    const rest = strangers.filter((array) => !used.has(array) && !sums.has(array) && array.name !== tokens);
    return {
      mapping: mappingOf(given, entries, firstLayer, tokens),
      found: found.length - entries.exceptions.length,
      notes: [
        ...entries.entries.map(noteOf),
        ...entries.exceptions.map(exceptionNote),
        ...added.map(sumNote),
        ...(tokens === undefined ? [] : [`${tokens}: the token ids`]),
        ...listed(
          'of another layer of these names, and not like it',
          rest.filter(covered).map(({ name }) => name),
        ),
        ...listed(
          'like no stage',
          rest.filter((array) => !covered(array)).map(({ name }) => name),
        ),
      ],
    };
  } finally {
    await source.close();
  }
}

function mappingOf(
  given: Mapping | undefined,
  { layersFrom, entries }: Entries,
  firstLayer: number,
  tokens?: string,
): Mapping {
  const from = entries.length > 0 && firstLayer !== 1 ? layersFrom : firstLayer;
  return {
    ...(from === 1 ? { layersFrom: 1 } : {}),
    ...(given?.tokens === undefined && tokens === undefined ? {} : { tokens: given?.tokens ?? tokens }),
    tensors: [...(given?.tensors ?? []), ...entries.map(({ entry }) => entry)],
  };
}

/** Whole numbers that are what the other run ran. */
async function idsIn(arrays: readonly ForeignArray[], tokens: readonly number[]): Promise<string | undefined> {
  for (const array of arrays) {
    if (isFloat(array.dtype) || tokens.length === 0 || sizeOf(array.shape) !== tokens.length) continue;
    const ids = toNumbers(await array.read(), array.dtype);
    if (ids.every((id, i) => id === tokens[i])) return array.name;
  }
  return undefined;
}

/** What an entry calls arrays. */
const namesOf = (entry: Entries['entries'][number]['entry']): readonly string[] =>
  'sum' in entry ? entry.sum : [entry.name];

/** Of what no mapping file can say: it makes stages of arrays, and not the other way round. */
function sumNote({ array, of, error }: Added): string {
  const [a, b] = of.map(({ stage, layer }) => `${stage}${layer === null ? '' : ` of layer ${layer}`}`);
  return `${array.name} is ${a} and ${b} in sum, ${near(error)}, which is no stage: dump the two apart`;
}

function exceptionNote({ found: { array, place, like }, stage }: Entries['exceptions'][number]): string {
  return `${array.name} is like ${place.stage} of layer ${place.layer}, ${near(like.error)}, and its name is ${stage} in most layers: taken for ${stage}`;
}

const near = (error: number): string => (error === 0 ? 'exactly' : `to within ${error.toExponential(1)}`);

function noteOf({ entry, of }: Entries['entries'][number]): string {
  const name = namesOf(entry).join(' + ');
  const again = 'every' in entry && entry.every ? ` in every ${entry.every}` : '';
  const columns = 'columns' in entry && entry.columns ? `, columns ${entry.columns.join(' to ')}${again},` : '';
  const [first] = of;
  const worst = of.reduce((a, b) => (b.like.error > a.like.error ? b : a)).like;
  const how = {
    equal: '',
    halves: ' in half-split order, as Hugging Face has it',
    order: ' in another order of its values',
    scale: ` times ${Number(worst.scale.toPrecision(3))}`,
  }[worst.kind];
  return `${name}${columns} is ${first?.place.stage}${how}, ${near(worst.error)}: ${tensors(of.length * namesOf(entry).length)}`;
}

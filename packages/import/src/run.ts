import { basename } from 'node:path';
import { DumpError, type DumpMetadata, type RecordedRun, type Tensor } from '@llama-probe/dump';
import { type Source, sizeOf } from './array.js';
import { isFloat, toFloats } from './dtype.js';
import { Room } from './file.js';
import { applyMapping } from './map/apply.js';
import type { Mapping } from './map/schema.js';
import { factsOf } from './names/facts.js';
import { listed, placeArrays, tensors } from './names/place-arrays.js';
import type { Placed } from './names/placed.js';
import { countOf, cutColumns, notOf } from './shape/columns.js';
import { type Rows, rowsOf, STEPS, type Step } from './shape/rows.js';
import { readTokens } from './tokens.js';

/** What whoever opens a run knows of it. */
export interface OpenOptions {
  /** What was run, of a file that does not say so. */
  readonly tokens?: readonly number[] | undefined;
  /** Where these come from, if they are another run's, for the notes. @example 'reference.arrow' */
  readonly tokensFrom?: string | undefined;
  /** How many layers the model has, which tells whether they are counted from 1. */
  readonly modelLayers?: number | undefined;
  /** How many logits the model makes of a row, which tells one row from all of them in a file without a header. */
  readonly vocabulary?: number | undefined;
  /** The path of a mapping file: which stages arrays are whose names nobody knows. */
  readonly map?: string | undefined;
  /** Whether an excerpt may come, such as of a log, which can only be held to another run. */
  readonly excerpts?: boolean | undefined;
  /** Whether hashes may come in place of values, which can only be held to others. */
  readonly digests?: boolean | undefined;
}

interface Stage extends Placed {
  readonly rows: Rows;
}

/** Arrays of somebody else's as a run: which stage each is, which positions its rows have. Reads no values but the token ids. */
export async function importRun(source: Source, options: OpenOptions, mapping?: Mapping): Promise<RecordedRun> {
  const { path, bytes, arrays, format } = source;
  if (arrays.length === 0) {
    throw new DumpError('dump-shape', `${path}: has no tensors. Save a dict of names and tensors.`);
  }
  const named = await factsOf(arrays, options.modelLayers);
  const facts = { ...named, firstLayer: mapping?.layersFrom ?? named.firstLayer };
  const mapped = mapping && applyMapping(arrays, mapping, path);
  const { placed, tokens: ids, notes: said } = placeArrays(source, facts, mapped);
  const own = source.tokens ?? (await readTokens(ids, path));
  const guessed = guessTokens(placed);
  const tokens = own ?? taken(options, guessed);
  const count = tokens.length || guessed;
  const stages: Stage[] = [];
  const left: string[] = [];
  for (const one of placed) {
    const { array, place, isKnown } = one;
    const about = { path, name: array.name, stage: place.stage, tokens: count };
    if (isKnown) stages.push({ ...one, rows: checkColumns(rowsOf(array.shape, about), one, path) });
    else {
      const rows = isFloat(array.dtype) ? ownRows(array.shape, about) : undefined;
      if (rows) stages.push({ ...one, rows });
      else left.push(array.name);
    }
  }
  const notes = [
    `format: ${format}`,
    ...(source.notes ?? []),
    ...said,
    ...(facts.firstLayer === 1 ? ['layers were counted from 1'] : []),
    ...listed('left out, since they are no rows of a token each', left),
    ...stepNotes(stages),
    ...typeNotes(stages),
    tokenNote(own, options, tokens, count),
  ];
  return {
    path,
    bytes,
    notes,
    metadata: {
      ...metadataOf(source, stages, tokens, facts.isSandwich ? undefined : facts.layers - facts.firstLayer),
      ...sourcesOf(mapping),
    },
    tensors: ({ isKept = true } = {}) => tensorsOf(stages, isKept),
    close: () => source.close(),
  };
}

async function* tensorsOf(stages: readonly Stage[], isKept: boolean): AsyncGenerator<Tensor> {
  const rooms = isKept ? [] : [new Room(), new Room()];
  for (const [order, { array, place, rows, columns }] of stages.entries()) {
    const values = rows.arrange(toFloats(await array.read(rooms[0]), array.dtype, rooms[1]));
    const cut = columns
      ? { values: cutColumns(values, rows.width, columns), width: countOf(columns, rows.width) }
      : { values };
    yield { step: 0, order, ...place, positions: rows.positions, width: rows.width, ...cut };
  }
}

/** The ids that were given; of another run that went on for longer, those of as many tokens as there are. */
const taken = ({ tokens = [], tokensFrom }: OpenOptions, count = tokens.length): readonly number[] =>
  tokensFrom === undefined ? tokens : tokens.slice(0, count);

/** @throws DumpError where a mapping file asks for columns that the rows do not have */
function checkColumns(rows: Rows, { array, columns }: Placed, path: string): Rows {
  const remedy = columns && notOf(columns, rows.width);
  if (!columns || !remedy) return rows;
  const { from, to, every } = columns;
  const again = every === undefined ? '' : ` in every ${every}`;
  const what = `the columns ${from} to ${to}${again} of ${array.name} are wanted, and it has ${rows.width}`;
  throw new DumpError('dump-map', `${path}: by the mapping file, ${what}. ${remedy}`);
}

/** Rows under a name of the file's own, where its shape can be rows. */
function ownRows(shape: readonly number[], about: Parameters<typeof rowsOf>[1]): Rows | undefined {
  try {
    return sizeOf(shape) > 0 ? rowsOf(shape, about) : undefined;
  } catch {
    return undefined;
  }
}

/** How many tokens there are, by what most stages that have no heads have before their width. */
function guessTokens(placed: readonly Placed[]): number | undefined {
  const votes = new Map<number, number>();
  for (const { array, isKnown } of placed) {
    const rows = array.shape.at(-2);
    if (isKnown && rows !== undefined) votes.set(rows, (votes.get(rows) ?? 0) + 1);
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function stepNotes(stages: readonly Stage[]): string[] {
  const names = new Map<Step, string[]>();
  for (const { rows, place } of stages) {
    for (const step of rows.done) names.set(step, [...(names.get(step) ?? []), place.stage]);
  }
  return [...names].map(([step, where]) => {
    const unique = [...new Set(where)];
    const of = step === 'batch' ? '' : ` (${unique.slice(0, 6).join(', ')}${unique.length > 6 ? ', …' : ''})`;
    return `${STEPS[step]}: ${tensors(where.length)}${of}`;
  });
}

function typeNotes(stages: readonly Stage[]): string[] {
  const types = new Map<string, number>();
  for (const { array } of stages) types.set(array.dtype, (types.get(array.dtype) ?? 0) + 1);
  types.delete('F32');
  return [...types].map(([type, count]) => `${type} was read as F32: ${tensors(count)}`);
}

function tokenNote(
  own: readonly number[] | undefined,
  { tokensFrom }: OpenOptions,
  tokens: readonly number[],
  count: number | undefined,
): string {
  if (own) return `token ids: its own, ${own.length}`;
  if (tokens.length > 0)
    return `token ids: it has none; ${tokensFrom ? `those of ${tokensFrom}` : 'those given'} were taken`;
  return `token ids: it has none; ${count ?? 'an unknown number of'} positions, by the shapes`;
}

/** Which lines compute which stages, by the mapping file. */
function sourcesOf(mapping: Mapping | undefined): Pick<DumpMetadata, 'sources'> {
  const said = (mapping?.tensors ?? []).flatMap((entry) =>
    'stage' in entry && entry.source !== undefined ? [[entry.stage, entry.source] as const] : [],
  );
  return said.length > 0 ? { sources: Object.fromEntries(said) } : {};
}

function metadataOf(
  { path, producer }: Source,
  stages: readonly Stage[],
  tokens: readonly number[],
  layers: number | undefined,
): DumpMetadata {
  const shapes: Record<string, number[]> = {};
  for (const { place, rows } of stages) {
    if (rows.heads === undefined || shapes[place.stage]) continue;
    shapes[place.stage] = [
      rows.heads,
      place.stage.startsWith('kq_') || place.stage === 'kq' ? -1 : rows.width / rows.heads,
    ];
  }
  const heads = (shapes.q_rope ?? shapes.q_proj ?? shapes.kq_soft_max)?.[0];
  if (heads !== undefined) shapes.kq ??= [heads, -1];
  if (shapes.k_rope) shapes.k_proj ??= shapes.k_rope;
  return {
    producer: { name: producer ?? basename(path), version: '' },
    tokens: [...tokens],
    ...(layers ? { model: { file: basename(path), layers } } : {}),
    ...(Object.keys(shapes).length > 0 ? { shapes } : {}),
  };
}

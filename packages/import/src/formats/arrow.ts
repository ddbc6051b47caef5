import { basename } from 'node:path';
import { type DumpMetadata, openDump, openStreamDump, type RecordedRun } from '@llama-probe/dump';
import type { Place } from '@llama-probe/dump/stage';
import { unsupported } from '../errors.js';
import { matcher } from '../map/pattern.js';
import type { Mapping } from '../map/schema.js';
import { llamaCpp } from '../names/other-presets.js';
import type { OpenOptions } from '../run.js';

/** Whose dumps are as they are to be. */
const OURS = new Set(['llama-probe', 'llama.cpp']);

/**
 * A dump in the six columns, of ours or of another program. One of ours is what it is. Of another one, names such as `l_out-0` are taken apart, and layers that are counted
 * from 1 are counted from 0.
 */
export async function openArrow(
  path: string,
  options: OpenOptions,
  isStream: boolean,
  mapping?: Mapping,
): Promise<RecordedRun> {
  const bare: DumpMetadata = { producer: { name: basename(path), version: '' }, tokens: [...(options.tokens ?? [])] };
  const run = await (isStream ? openStreamDump(path, bare) : openDump(path, bare));
  const { metadata } = run;
  if (OURS.has(metadata.producer.name)) return run;
  try {
    const rename = renaming(mapping, path);
    const isFromOne =
      mapping?.layersFrom === 1 || (await countsFromOne(run, options.modelLayers ?? metadata.model?.layers));
    const notes = [...run.notes];
    const lacks = metadata.tokens.length === 0 || metadata === bare;
    const tokens = lacks ? [...(options.tokens ?? [])] : metadata.tokens;
    if (lacks) notes.push(`token ids: it has none${tokens.length > 0 ? `; those ${whose(options)} were taken` : ''}`);
    if (isFromOne) notes.push('layers were counted from 1');
    const { digests } = run;
    const undone = { isFromOne, rename };
    return {
      path,
      bytes: run.bytes,
      metadata: { ...metadata, tokens },
      notes,
      ...(digests ? { digests: () => renamed(digests(), undone, notes) } : {}),
      tensors: () => renamed(run.tensors(), undone, notes),
      close: () => run.close(),
    };
  } catch (error) {
    await run.close();
    throw error;
  }
}

const TAKEN_APART = "names: llama.cpp's, with the layer in them";

const whose = ({ tokensFrom }: OpenOptions): string => (tokensFrom === undefined ? 'given' : `of ${tokensFrom}`);

type Rename = (at: Place) => Partial<Place> | undefined;

interface Undone {
  readonly isFromOne: boolean;
  readonly rename: Rename;
}

async function* renamed<Rows extends Place>(
  all: AsyncIterable<Rows>,
  { isFromOne, rename }: Undone,
  notes: string[],
): AsyncGenerator<Rows> {
  for await (const rows of all) {
    const mapped = rename(rows);
    const meaning = rows.layer === null && !mapped ? llamaCpp.read(rows.stage) : undefined;
    const isApart = meaning?.kind === 'stage' && meaning.place.layer !== null;
    if (isApart && !notes.includes(TAKEN_APART)) notes.push(TAKEN_APART);
    const named = { ...rows, ...(isApart ? meaning.place : {}), ...mapped };
    yield isFromOne && named.layer !== null ? { ...named, layer: named.layer - 1 } : named;
  }
}

/** The names that a mapping file gives stages. A row of a dump is one already: nothing is added or cut. */
function renaming(mapping: Mapping | undefined, path: string): Rename {
  const rows = (mapping?.tensors ?? []).map((entry) => {
    if ('sum' in entry || 'ignore' in entry || entry.columns) {
      throw unsupported(
        path,
        'is an Arrow file, and the mapping file has more than names',
        'Give "name", "stage" and "layer" only.',
      );
    }
    return { ...entry, match: matcher(entry.name) };
  });
  return ({ stage }) => {
    for (const { match, stage: name, layer } of rows) {
      const found = match(stage);
      const own = found?.layer ?? layer;
      if (found) return { stage: name, ...(own === undefined ? {} : { layer: own }) };
    }
    return undefined;
  };
}

/** Whether there is a layer of the number that the model has of them, and none of number 0. Ends where a layer 0 comes, which is soon. */
async function countsFromOne(run: RecordedRun, layers: number | undefined): Promise<boolean> {
  if (layers === undefined) return false;
  for await (const { layer } of run.digests?.() ?? run.tensors()) {
    if (layer === null) continue;
    if (layer < 1 || layer > layers) return false;
    if (layer === layers) return true;
  }
  return false;
}

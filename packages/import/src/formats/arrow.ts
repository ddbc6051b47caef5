import { basename } from 'node:path';
import { type DumpMetadata, openDump, openStreamDump, type RecordedRun, type Tensor } from '@llama-probe/dump';
import { llamaCpp } from '../names/other-presets.js';
import type { OpenOptions } from '../run.js';

/** Whose dumps are as they are to be. */
const OURS = new Set(['llama-probe', 'llama.cpp']);

/**
 * A dump in the six columns, of ours or of another program. One of ours is what it is. Of another one, names such as `l_out-0` are taken apart, and layers that are counted
 * from 1 are counted from 0.
 */
export async function openArrow(path: string, options: OpenOptions, isStream: boolean): Promise<RecordedRun> {
  const bare: DumpMetadata = { producer: { name: basename(path), version: '' }, tokens: [...(options.tokens ?? [])] };
  const run = await (isStream ? openStreamDump(path, bare) : openDump(path, bare));
  const { metadata } = run;
  if (OURS.has(metadata.producer.name)) return run;
  try {
    const isFromOne = await countsFromOne(run, options.modelLayers ?? metadata.model?.layers);
    const notes = [...run.notes];
    if (metadata === bare)
      notes.push(
        `token ids: it has none${bare.tokens.length > 0 ? `; those ${options.tokensFrom ? `of ${options.tokensFrom}` : 'given'} were taken` : ''}`,
      );
    if (isFromOne) notes.push('layers were counted from 1');
    return {
      path,
      bytes: run.bytes,
      metadata,
      notes,
      tensors: () => renamed(run, isFromOne, notes),
      close: () => run.close(),
    };
  } catch (error) {
    await run.close();
    throw error;
  }
}

const TAKEN_APART = "names: llama.cpp's, with the layer in them";

async function* renamed(run: RecordedRun, isFromOne: boolean, notes: string[]): AsyncGenerator<Tensor> {
  for await (const tensor of run.tensors()) {
    const meaning = tensor.layer === null ? llamaCpp.read(tensor.stage) : undefined;
    if (meaning?.kind === 'stage' && meaning.place.layer !== null) {
      if (!notes.includes(TAKEN_APART)) notes.push(TAKEN_APART);
      yield { ...tensor, ...meaning.place };
    } else yield isFromOne && tensor.layer !== null ? { ...tensor, layer: tensor.layer - 1 } : tensor;
  }
}

/** Whether there is a layer of the number that the model has of them, and none of number 0. Ends where a layer 0 comes, which is soon. */
async function countsFromOne(run: RecordedRun, layers: number | undefined): Promise<boolean> {
  if (layers === undefined) return false;
  for await (const { layer } of run.tensors()) {
    if (layer === null) continue;
    if (layer < 1 || layer > layers) return false;
    if (layer === layers) return true;
  }
  return false;
}

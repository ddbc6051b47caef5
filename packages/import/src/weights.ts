import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { DumpError } from '@llama-probe/dump';
import type { ForeignArray, Source } from './array.js';
import { damaged } from './errors.js';
import { type OpenFile, readAgain } from './formats/folder.js';
import { openNpy } from './formats/npy.js';
import { openRaw } from './formats/raw.js';
import { openSafetensors } from './formats/safetensors.js';
import { openSource } from './open.js';

const raw: OpenFile = (path) => openRaw(path, undefined);

/** What a folder of weights may have, by their ending. */
const OPEN: Readonly<Record<string, OpenFile>> = {
  '.safetensors': openSafetensors,
  '.npy': openNpy,
  '.f32': raw,
  '.raw': raw,
  '.bin': raw,
};

/** Which shard has which array: what Hugging Face writes beside the shards. */
const INDEX = 'model.safetensors.index.json';

/**
 * Arrays that are no run but weights: any file with arrays that is read, or a folder: shards of safetensors, or a file for each tensor
 * (`.npy`, or float32 and nothing else as `.f32`, `.bin`, `.raw`), which is called after the file and has one dimension if no header says more. The shards'
 * index, or one of them where the others are there, stands for the folder.
 *
 * @throws DumpError where there are none, something is damaged, or a shard that the index names is not there
 * @example (await openWeights('Llama-3.2-1B')).arrays[0].name === 'model.embed_tokens.weight'
 */
export async function openWeights(path: string): Promise<Source> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return openFolder(path);
  if (basename(path) === INDEX || (await isOneOfAll(path))) return openFolder(dirname(path));
  const source = await openSource(path, {});
  if (typeof source !== 'string') return source;
  throw new DumpError(
    'dump-unsupported',
    `${path}: is a dump of a run, not weights. Give a GGUF file, a .safetensors file, or a folder of such files or of .npy files.`,
  );
}

/** Whether a file is a shard, and all others of its checkpoint lie beside it: then it stands for all, as a part of a split GGUF file does. */
async function isOneOfAll(path: string): Promise<boolean> {
  const [, stem, count] = /^(.*)-\d{5}-of-(\d{5})\.safetensors$/.exec(basename(path)) ?? [];
  if (stem === undefined) return false;
  const names: readonly string[] = await readdir(dirname(path)).catch(() => []); // whoever opens the file says why
  const shards = Array.from({ length: Number(count) }, (_, i) => String(i + 1).padStart(5, '0'));
  return shards.every((no) => names.includes(`${stem}-${no}-of-${count}.safetensors`));
}

async function openFolder(path: string): Promise<Source> {
  const names = (await readdir(path)).sort();
  const files = names.filter((name) => Object.hasOwn(OPEN, extname(name)));
  const shards = files.filter((name) => name.endsWith('.safetensors'));
  await checkIndex(path, names, shards);
  // A model's folder has other files, such as a tokenizer's .bin, beside its shards.
  const used = shards.length > 0 ? shards : files;
  if (used.length === 0) {
    throw new DumpError(
      'dump-not-arrow',
      `${path}: is a directory with ${names.length} files, none of which is *.safetensors, *.npy, *.f32, *.bin or *.raw. Give the folder that has the weights.`,
    );
  }
  const arrays: ForeignArray[] = [];
  let bytes = 0;
  for (const name of used) {
    const open = OPEN[extname(name)] as OpenFile;
    const source = await open(join(path, name));
    bytes += source.bytes;
    for (const [index, array] of source.arrays.entries()) {
      const own = source.isUnnamed ? basename(name, extname(name)) : array.name;
      arrays.push({ ...array, name: own, read: () => readAgain(join(path, name), index, open) });
    }
    await source.close(); // a folder may have more files than a process may have open
  }
  const kinds = [...new Set(used.map((name) => extname(name)))].join(' and ');
  return { format: `a folder of ${used.length} ${kinds} files`, path, bytes, arrays, close: async () => {} };
}

async function checkIndex(path: string, names: readonly string[], shards: readonly string[]): Promise<void> {
  if (!names.includes(INDEX)) return;
  let index: { weight_map?: Record<string, string> };
  try {
    index = JSON.parse(await readFile(join(path, INDEX), 'utf8'));
  } catch (cause) {
    throw damaged(join(path, INDEX), 'is not JSON', cause);
  }
  const missing = [...new Set(Object.values(index.weight_map ?? {}))].filter((name) => !shards.includes(name));
  if (missing.length > 0) {
    throw new DumpError(
      'dump-damaged',
      `${path}: ${INDEX} names ${missing.join(', ')}, which is not there. Download the model again.`,
    );
  }
}

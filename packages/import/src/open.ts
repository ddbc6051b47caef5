import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DumpError, isArrowStream, type RecordedRun } from '@llama-probe/dump';
import type { Source } from './array.js';
import { unsupported } from './errors.js';
import { PieceFile } from './file.js';
import { openArrow } from './formats/arrow.js';
import { isCoreAi, openCoreAi } from './formats/core-ai.js';
import { type Kind, openFolder } from './formats/folder.js';
import { openZip } from './formats/from-zip.js';
import { openManifest } from './formats/manifest.js';
import { MAX_MAGIC, openMax } from './formats/max.js';
import { openNpy } from './formats/npy.js';
import { NPY_MAGIC } from './formats/npy-header.js';
import { openRaw } from './formats/raw.js';
import { openSafetensors } from './formats/safetensors.js';
import { isSglang, openSglang } from './formats/sglang.js';
import { isLog, openLog } from './log/open.js';
import { readMapping } from './map/read.js';
import { importRun, type OpenOptions } from './run.js';

/** What files in a folder may be, by their ending; the first that there is counts. */
const KINDS: readonly Kind[] = [
  { ending: '.safetensors', format: 'safetensors', open: openSafetensors },
  { ending: '.npy', format: 'NumPy', open: openNpy },
  { ending: '.npz', format: 'NumPy', open: openZip },
  { ending: '.pt', format: 'PyTorch', open: openZip },
  { ending: '.pth', format: 'PyTorch', open: openZip },
  { ending: '.max', format: 'MAX', open: openMax },
];

/** What has no magic of its own is told by its ending, where nothing else fits. */
const RAW = /\.(bin|f32|raw)$/i;

/**
 * A run that is over, whoever wrote it: a dump of ours, or a file or folder of arrays in a format that others write. What it is, is told from its content.
 *
 * @throws DumpError with a code of its own for: no such file, no known format, damaged, shapes that are no rows
 * @example const run = await openRun('mine.safetensors', { tokens: [1, 15043] }); for await (const tensor of run.tensors()) …
 */
export async function openRun(path: string, options: OpenOptions = {}): Promise<RecordedRun> {
  const mapping = options.map === undefined ? undefined : await readMapping(options.map);
  const source = await openSource(path, options);
  if (source === 'log') return openExcerpt(path, options);
  if (typeof source === 'string')
    return withValues(await openArrow(path, options, source === 'stream', mapping), options);
  try {
    return await importRun(source, options, mapping);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** A file of hashes can be held to others bit by bit, and nothing else can be done with it. */
async function withValues(run: RecordedRun, { digests }: OpenOptions): Promise<RecordedRun> {
  if (!run.digests || digests) return run;
  await run.close();
  const remedy =
    'probe repeat says whether it and other runs are the same to the bit; for anything else keep the values, without --digest.';
  throw unsupported(run.path, 'has a hash of each row, and no values', remedy);
}

/** A log has only some values: whoever does not know what to do with an excerpt must not take it for a run. */
async function openExcerpt(path: string, options: OpenOptions): Promise<RecordedRun> {
  if (options.map !== undefined)
    throw unsupported(path, "is llama.cpp's log, whose names are known", 'Leave out --map.');
  const run = await openLog(path, options);
  if (options.excerpts) return run;
  const remedy = 'probe diff holds it to a whole run; for anything else dump all values, as probe capture does.';
  throw unsupported(path, `is a log, with ${run.excerpt?.what} only`, remedy);
}

/** Its arrays, or which kind of Arrow it is: that has rows already. */
export async function openSource(
  path: string,
  { tokens, vocabulary }: OpenOptions,
): Promise<Source | 'file' | 'stream' | 'log'> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const manifest = join(path, 'manifest.json');
    if (existsSync(manifest)) return openManifest(manifest);
    if (await isCoreAi(path)) return openCoreAi(path);
    return (await isSglang(path)) ? openSglang(path, openZip) : openFolder(path, KINDS);
  }
  const file = await PieceFile.open(path);
  const head = await file.read(0, Math.min(file.bytes, 16)).finally(() => file.close());
  const begin = Buffer.from(head).toString('latin1');
  if (isSafetensors(head)) return openSafetensors(path);
  if (begin.startsWith('PK')) return openZip(path);
  if (begin.startsWith(NPY_MAGIC)) return openNpy(path);
  if (begin.startsWith(MAX_MAGIC)) return openMax(path);
  if (head[0] === 0x80 && (head[1] as number) <= 5) {
    const remedy = 'Save it with PyTorch 1.6 or newer, whose files are zips.';
    throw unsupported(path, 'is a bare pickle, as PyTorch wrote it before 1.6', remedy);
  }
  if (/^\s*\{/.test(begin)) return openManifest(path);
  if (begin === '' || begin.startsWith('ARROW1')) return 'file';
  if (isArrowStream(head)) return 'stream';
  if (!begin.startsWith('GGUF') && RAW.test(path)) return openRaw(path, tokens?.length, vocabulary);
  if (isText(head) && (await isLog(path))) return 'log';
  const remedy = begin.startsWith('GGUF')
    ? 'That is a model, and a dump of a run is wanted: probe capture makes one of it, and probe weights --model shows what is in it.'
    : 'Read are Arrow, safetensors, .npz, .npy, .pt, .max, a JSON manifest, logs of llama.cpp, and folders of them (docs/formats.md).';
  const found = JSON.stringify(begin.slice(0, 8));
  throw new DumpError('dump-not-arrow', `${path}: is in no format that is read: it begins with ${found}. ${remedy}`);
}

/** No control characters but those of layout and colours. */
const isText = (head: Uint8Array): boolean =>
  head.every((byte) => byte >= 32 || (byte >= 9 && byte <= 13) || byte === 27);

/** The header's length, and a JSON object. */
function isSafetensors(head: Uint8Array<ArrayBuffer>): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  return new DataView(head.buffer).getBigUint64(0, true) < 2n ** 40n;
}

import { stat } from 'node:fs/promises';
import { openDump, type RecordedRun } from '@llama-probe/dump';
import type { Source } from './array.js';
import { PieceFile } from './file.js';
import { openFolder } from './formats/folder.js';
import { openSafetensors } from './formats/safetensors.js';
import { importRun, type OpenOptions } from './run.js';

/**
 * A run that is over, whoever wrote it: a dump of ours, or a file or folder of arrays in a format that others write. What it is, is told from its content.
 *
 * @throws DumpError with a code of its own for: no such file, no known format, damaged, shapes that are no rows
 * @example const run = await openRun('mine.safetensors', { tokens: [1, 15043] }); for await (const tensor of run.tensors()) …
 */
export async function openRun(path: string, options: OpenOptions = {}): Promise<RecordedRun> {
  const source = await openSource(path);
  if (!source) return openDump(path);
  try {
    return await importRun(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** undefined where it is a dump of ours, or what only its reader can say why it is none. */
async function openSource(path: string): Promise<Source | undefined> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return openFolder(path, [{ ending: '.safetensors', format: 'safetensors', open: openSafetensors }]);
  const file = await PieceFile.open(path);
  const head = await file.read(0, Math.min(file.bytes, 16)).finally(() => file.close());
  return isSafetensors(head, file.bytes) ? openSafetensors(path) : undefined;
}

/** The header's length, and a JSON object. */
function isSafetensors(head: Uint8Array<ArrayBuffer>, bytes: number): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  return new DataView(head.buffer).getBigUint64(0, true) < 2n ** 40n && bytes > 9;
}

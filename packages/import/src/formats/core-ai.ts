import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ForeignArray, Source } from '../array.js';
import { isFloat } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';
import { listed } from '../names/place-arrays.js';
import { readAgain } from './folder.js';
import { leavesFolder, readJson } from './json.js';
import { openNpy } from './npy.js';

const METADATA = 'metadata.json';
const PARTS = ['inputs', 'intermediates', 'outputs'] as const;

/** Whether a folder is an `.aimodelintermediates`, whatever it is called. */
export async function isCoreAi(path: string): Promise<boolean> {
  const metadata = join(path, METADATA);
  if (!existsSync(metadata)) return false;
  const found = await readJson(metadata).catch(() => ({}) as Record<string, unknown>);
  return PARTS.every((part) => typeof found[part] === 'object' && found[part] !== null);
}

/**
 * The folder that Core AI's `save_intermediates` writes: `metadata.json` with the nodes of an exported PyTorch program, and one `.npy` for each. Of its inputs those are read that
 * may be token ids; the others are weights and masks.
 *
 * The format: coreai_torch/debugging/torch_utils.py
 *
 * @throws DumpError where it is not that
 */
export async function openCoreAi(path: string): Promise<Source> {
  const metadata = join(path, METADATA);
  const found = await readJson(metadata);
  const arrays: ForeignArray[] = [];
  const left: string[] = [];
  let bytes = 0;
  for (const part of PARTS) {
    for (const [name, node] of Object.entries(found[part] as object)) {
      const file = dataFile(node, name, metadata);
      const at = join(path, file);
      const source = await openNpy(at);
      bytes += source.bytes;
      const [array] = source.arrays;
      await source.close();
      if (!array) continue;
      if (part === 'inputs' && isFloat(array.dtype)) left.push(name);
      else arrays.push({ ...array, name, read: (room) => readAgain(at, 0, openNpy, room) });
    }
  }
  return {
    format: `a folder of ${arrays.length + left.length} nodes by Core AI's save_intermediates`,
    producer: 'PyTorch, for Core AI',
    path,
    bytes,
    arrays,
    notes: listed('left out, since they are inputs of the program and no token ids', left),
    close: async () => {},
  };
}

function dataFile(node: unknown, name: string, metadata: string): string {
  const { data_file: file } = (node ?? {}) as Record<string, unknown>;
  if (typeof file !== 'string') throw damaged(metadata, `${name} has no data_file`);
  if (!leavesFolder(file)) return file;
  const remedy = 'Give the folder as it was written.';
  throw unsupported(metadata, `${name} is in ${file}, outside of its folder`, remedy);
}

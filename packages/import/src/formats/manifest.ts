import { dirname, resolve } from 'node:path';
import { type ForeignArray, type Source, showShape, sizeOf } from '../array.js';
import { DTYPES, type Dtype } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';
import { PieceFile } from '../file.js';
import { leavesFolder, readJson } from './json.js';

/**
 * A JSON file that says what there is in files without headers:
 * `{"tokens": [1, 15043], "tensors": [{"name": "l_out-0", "file": "l_out-0.bin", "dtype": "F32", "shape": [2, 64], "offset": 0}]}`.
 * The files are beside it, or in folders beside it; `dtype` is F32 and `offset` is 0 where they are not said.
 *
 * @throws DumpError where it is something else, or the files do not have what it says
 */
export async function openManifest(path: string): Promise<Source> {
  const { tokens, producer, tensors } = await readManifest(path);
  const arrays: ForeignArray[] = [];
  const sizes = new Map<string, number>();
  for (const [index, entry] of tensors.entries()) {
    const { name, file, dtype, shape, offset } = checkEntry(entry, index, path);
    const at = resolve(dirname(path), file);
    const bytes = sizes.get(at) ?? (await sizeOfFile(at));
    sizes.set(at, bytes);
    const length = sizeOf(shape) * DTYPES[dtype];
    if (offset + length > bytes) {
      const what = `${name}, ${dtype} ${showShape(shape)}, ends at byte ${offset + length} of ${file}`;
      throw damaged(path, `${what}, which has ${bytes}`);
    }
    arrays.push({ name, dtype, shape, read: () => readPart(at, offset, length) });
  }
  return {
    format: `a JSON manifest of ${sizes.size} ${sizes.size === 1 ? 'file' : 'files'}`,
    path,
    bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    arrays,
    tokens,
    producer,
    close: async () => {},
  };
}

async function readManifest(path: string) {
  const { tokens, producer, tensors } = await readJson(path);
  if (!Array.isArray(tensors) || tensors.length === 0) {
    const remedy =
      'Wanted {"tokens": [1, 15043], "tensors": [{"name", "file", "dtype", "shape", "offset"}]} (docs/formats.md).';
    throw unsupported(path, 'is JSON without a list of tensors', remedy);
  }
  if (tokens !== undefined && !isCounts(tokens)) throw damaged(path, '"tokens" is no list of token ids');
  return { tokens, producer: typeof producer === 'string' ? producer : undefined, tensors };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

function checkEntry(entry: unknown, index: number, path: string) {
  const { name, file, dtype = 'F32', shape, offset = 0 } = (entry ?? {}) as Record<string, unknown>;
  const at = `tensors[${index}]`;
  if (typeof name !== 'string' || typeof file !== 'string' || !isCounts(shape) || !isCount(offset)) {
    throw damaged(path, `${at} has no name, file and shape: ${JSON.stringify(entry)?.slice(0, 80)}`);
  }
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) {
    throw unsupported(path, `${at} is ${String(dtype)}`, `Read are ${Object.keys(DTYPES).join(', ')}.`);
  }
  if (leavesFolder(file)) {
    throw unsupported(
      path,
      `${at} is in ${file}, outside of the manifest's folder`,
      'Put the files beside the manifest.',
    );
  }
  return { name, file, dtype: dtype as Dtype, shape, offset };
}

async function sizeOfFile(path: string): Promise<number> {
  const file = await PieceFile.open(path);
  await file.close();
  return file.bytes;
}

async function readPart(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await PieceFile.open(path);
  try {
    return await file.read(offset, length);
  } finally {
    await file.close();
  }
}

import { type ForeignArray, type Source, showShape, sizeOf } from '../array.js';
import { DTYPES, type Dtype } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';
import { PieceFile } from '../file.js';

const LONGEST_HEADER = 100_000_000; // bytes; the limit of Hugging Face's own reader

/**
 * A `.safetensors` file: eight bytes with the length of the header, the header as JSON, the values.
 * The format: https://huggingface.co/docs/safetensors
 *
 * @throws DumpError `dump-damaged` where the header and the file do not fit together, before anything else is read
 */
export async function openSafetensors(path: string): Promise<Source> {
  const file = await PieceFile.open(path);
  try {
    const { header, begin } = await readHeader(file);
    const arrays = Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, entry]) => ({ ...checkEntry(entry, name, file.bytes - begin, path), name }));
    checkOverlaps(arrays, path);
    return {
      format: 'safetensors',
      path,
      bytes: file.bytes,
      arrays: arrays.map(
        ({ name, dtype, shape, from, to }): ForeignArray => ({
          name,
          dtype,
          shape,
          read: (room) => file.read(begin + from, to - from, room),
          at: { path, offset: begin + from },
        }),
      ),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: PieceFile) {
  const length = Number(new DataView((await file.read(0, 8)).buffer).getBigUint64(0, true));
  if (length > LONGEST_HEADER || length > file.bytes - 8) {
    throw damaged(file.path, `its header is to have ${length} bytes, and the file has ${file.bytes}`);
  }
  const text = new TextDecoder().decode(await file.read(8, length));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw damaged(file.path, 'its header is not JSON', cause);
  }
  const twice = firstTwice(text);
  if (twice !== undefined) throw damaged(file.path, `its header has ${twice} twice`);
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw damaged(file.path, 'its header is not a JSON object');
  }
  return { header: header as Record<string, unknown>, begin: 8 + length };
}

/** A name that the header has twice, which JSON's parser does not tell. Only an entry has an object after its name. */
function firstTwice(text: string): string | undefined {
  const seen = new Set<string>();
  for (const [, name = '', isEntry] of text.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:\s*\{)?/g)) {
    if (!isEntry) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

interface Entry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

function checkEntry(entry: unknown, name: string, room: number, path: string): Entry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw damaged(path, `${name} has no shape, or no offsets: ${JSON.stringify(entry)?.slice(0, 80)}`);
  }
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) {
    const wanted = Object.keys(DTYPES).join(', ');
    throw unsupported(
      path,
      `${name} is ${dtype === undefined ? 'of no type' : String(dtype)}; read are ${wanted}`,
      'Write it as one of these, such as F32.',
    );
  }
  const [from, to] = offsets as [number, number];
  if (from > to || to > room) throw damaged(path, `${name} is to be at ${from} to ${to}, and there are ${room} bytes`);
  const wanted = sizeOf(shape) * DTYPES[dtype as Dtype];
  if (to - from !== wanted) {
    throw damaged(path, `${name}, ${dtype} ${showShape(shape)}, is ${wanted} bytes, and has ${to - from}`);
  }
  return { dtype: dtype as Dtype, shape, from, to };
}

/** No byte is of two arrays. */
function checkOverlaps(arrays: readonly (Entry & { readonly name: string })[], path: string): void {
  const sorted = arrays.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from);
  for (const [i, next] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before && next.from < before.to) throw damaged(path, `${before.name} and ${next.name} have bytes in common`);
  }
}

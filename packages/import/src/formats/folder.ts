import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DumpError } from '@llama-probe/dump';
import type { ForeignArray, Source } from '../array.js';
import type { Room } from '../file.js';

/** Opens one file of a folder. */
export type OpenFile = (path: string) => Promise<Source>;

/** How files of a folder become one source. */
export interface Kind {
  readonly ending: string;
  readonly format: string;
  readonly open: OpenFile;
}

/** How many files' heads are read at once: each is a few short waits. */
const AT_ONCE = 16;

/** What a file of a folder has; it is opened again for the values. */
async function headOf(folder: string, name: string, { ending, open }: Kind): Promise<Pick<Source, 'arrays' | 'bytes'>> {
  const path = join(folder, name);
  const source = await open(path);
  const isOne = source.arrays.length === 1;
  const arrays = source.arrays.map((array, index) => ({
    name: isOne ? basename(name, ending) : array.name,
    shape: array.shape,
    dtype: array.dtype,
    read: (room?: Room) => readAgain(path, index, open, room),
  }));
  await source.close();
  return { arrays, bytes: source.bytes };
}

/**
 * A folder of files of one kind, each with arrays. Where each file has one array, the file's name is what it is; else the arrays'
 * names are. No file is kept open: a folder may have more of them than a process may have.
 */
export async function openFolder(path: string, kinds: readonly Kind[]): Promise<Source> {
  const names = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  const kind = kinds.find(({ ending }) => names.some((name) => name.endsWith(ending)));
  if (!kind) {
    const endings = kinds.map(({ ending }) => `*${ending}`).join(', ');
    throw new DumpError(
      'dump-not-arrow',
      `${path}: is a directory with ${names.length} files, none of which is ${endings}. Give the file of a dump, or a folder of such files.`,
    );
  }
  const files = names.filter((name) => name.endsWith(kind.ending)).sort();
  const arrays: ForeignArray[] = [];
  let bytes = 0;
  for (let first = 0; first < files.length; first += AT_ONCE) {
    const some = files.slice(first, first + AT_ONCE);
    for (const one of await Promise.all(some.map((name) => headOf(path, name, kind)))) {
      arrays.push(...one.arrays);
      bytes += one.bytes;
    }
  }
  const model = /^(\w+?)(?:ForCausalLM|ForConditionalGeneration)[._]/.exec(files[0] ?? '')?.[0].slice(0, -1);
  return {
    format: `a folder of ${files.length} ${kind.format} files${model ? ` by transformers, ${model}` : ''}`,
    path,
    bytes,
    arrays,
    ...(model ? { producer: 'transformers' } : {}),
    close: async () => {},
  };
}

/** The bytes of one array of a file that was closed. */
export async function readAgain(
  path: string,
  index: number,
  open: OpenFile,
  room?: Room,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = await open(path);
  try {
    const array = source.arrays[index];
    if (!array) throw new DumpError('dump-damaged', `${path}: changed while it was read. Read it again.`);
    return await array.read(room);
  } finally {
    await source.close();
  }
}

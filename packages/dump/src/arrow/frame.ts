import type { FileHandle } from 'node:fs/promises';
import { type FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import { DumpError, damaged } from '../errors.js';
import { checkFlatbuffer } from './flatbuffer.js';
import { FOOTER } from './ipc-tables.js';

const MAGIC = 'ARROW1';

/** Where the footer says that a message is, in bytes: the length of its header, and of what follows that. */
export interface Block {
  readonly what: string;
  readonly offset: number;
  readonly header: number;
  readonly body: number;
}

/** What is known of a file before anything of it is read: everything that the footer names lies in the file, and apart. */
export interface Frame {
  readonly bytes: number;
  readonly dictionaries: readonly Block[];
  readonly batches: readonly Block[];
}

/** Arrow's file frame: magic, …, footer, its length, magic. Checked here so that no reader allocates from a bad length. */
export async function readFrame(file: FileHandle, path: string): Promise<Frame> {
  const stat = await file.stat();
  if (!stat.isFile())
    throw new DumpError('dump-not-arrow', `${path}: is a directory or device; wanted an Arrow IPC file.`);
  if (stat.size === 0)
    throw new DumpError('dump-not-arrow', `${path}: is empty; wanted an Arrow IPC file. Capture it again.`);
  const head = Buffer.alloc(8);
  const tail = Buffer.alloc(10);
  await file.read(head, 0, 8, 0);
  if (head.toString('latin1', 0, 6) !== MAGIC) {
    throw new DumpError(
      'dump-not-arrow',
      `${path}: is not an Arrow IPC file: it begins with ${JSON.stringify(head.toString('latin1'))}, wanted "${MAGIC}". ` +
        'Write the dump with an Arrow *file* writer, not a stream writer.',
    );
  }
  await file.read(tail, 0, 10, Math.max(8, stat.size - 10));
  const length = tail.readInt32LE(0);
  if (tail.toString('latin1', 4) !== MAGIC || length <= 0 || length > stat.size - 20) {
    throw damaged(
      path,
      `it has ${stat.size} bytes and does not end with an Arrow footer: it was cut off or is still being written`,
    );
  }
  const begin = stat.size - 10 - length;
  const footer = await decodeFooter(file, path, begin, length);
  const dictionaries = blocksOf(path, 'dictionary', footer.numDictionaries, (index) =>
    footer.getDictionaryBatch(index),
  );
  const batches = blocksOf(path, 'record batch', footer.numRecordBatches, (index) => footer.getRecordBatch(index));
  checkBlocks(path, [...dictionaries, ...batches], begin);
  return { bytes: stat.size, dictionaries, batches };
}

async function decodeFooter(file: FileHandle, path: string, begin: number, length: number): Promise<Footer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, begin);
  try {
    checkFlatbuffer(bytes, FOOTER);
    return Footer.decode(bytes);
  } catch (cause) {
    const why = cause instanceof RangeError ? `: ${cause.message}` : '';
    throw damaged(path, `its footer cannot be read${why}`, cause);
  }
}

function blocksOf(path: string, what: string, count: number, at: (index: number) => FileBlock | null): Block[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${what} ${index} of ${count}`;
    try {
      const { offset, metaDataLength, bodyLength } = at(index) as FileBlock;
      return { what: name, offset: Number(offset), header: Number(metaDataLength), body: Number(bodyLength) };
    } catch (cause) {
      throw damaged(path, `${name} is to be past the end of any file`, cause);
    }
  });
}

/** Every block lies between the magic and the footer: for one that does not, Arrow's reader looks for ever. And none twice: a small file would be a large dump. */
function checkBlocks(path: string, blocks: readonly Block[], end: number): void {
  for (const { what, offset, header, body } of blocks) {
    const isInside = offset >= MAGIC.length + 2 && header > 0 && body >= 0 && offset + header + body <= end;
    if (!isInside) throw damaged(path, `${what} is to be at ${offset}, and the data end at ${end}`);
  }
  const inOrder = blocks.toSorted((a, b) => a.offset - b.offset);
  inOrder.forEach((block, i) => {
    const before = inOrder[i - 1];
    if (!before || before.offset + before.header + before.body <= block.offset) return;
    throw damaged(path, `${before.what} and ${block.what} overlap at byte ${block.offset}`);
  });
}

import { type FileHandle, open } from 'node:fs/promises';
import { type AsyncRecordBatchFileReader, RecordBatchReader } from 'apache-arrow';
import { type FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import { DumpError } from '../errors.js';
import { type DumpMetadata, decodeMetadata } from '../metadata.js';
import type { RecordedRun } from '../run.js';
import type { Tensor } from '../tensor.js';
import { tensorsOf } from './rows.js';

const MAGIC = 'ARROW1';

/** An open dump. Close it when done. */
export class Dump implements RecordedRun {
  /** It is as we write it, and nothing is done to it. */
  readonly notes = [];

  constructor(
    readonly path: string,
    readonly bytes: number,
    readonly metadata: DumpMetadata,
    private readonly file: FileHandle,
    /** How many record batches the file has; in our own dumps one is one tensor. */
    readonly batches: number,
  ) {}

  /** Every tensor in file order, one in memory at a time; `values` are views of what was read. May be read several times at once. */
  async *tensors(): AsyncGenerator<Tensor> {
    const reader = await openReader(this.file, this.path);
    for (let index = 0; index < this.batches; index++) {
      let batch: Awaited<ReturnType<typeof reader.readRecordBatch>>;
      try {
        batch = await reader.readRecordBatch(index);
      } catch (cause) {
        throw (
          compressed(this.path, cause) ??
          damaged(this.path, `record batch ${index} of ${this.batches} cannot be read`, cause)
        );
      }
      if (!batch) throw damaged(this.path, `record batch ${index} of ${this.batches} is missing`);
      try {
        yield* tensorsOf(batch, this.path);
      } catch (cause) {
        // Arrow's vectors read a batch when they are asked, and find only then that it does not fit together.
        throw cause instanceof DumpError
          ? cause
          : damaged(this.path, `record batch ${index} does not fit together`, cause);
      }
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/**
 * Opens a dump for reading.
 *
 * @param bare what a file is taken to say that has the columns of a dump and none of its metadata; without it, it is refused
 * @throws DumpError with a code of its own for: no such file, not Arrow, truncated or damaged, not a dump.
 * @example const dump = await openDump('dumps/reference.arrow'); for await (const tensor of dump.tensors()) …
 */
export async function openDump(path: string, bare?: DumpMetadata): Promise<Dump> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new DumpError('dump-not-found', `${path}: cannot be opened (${(cause as NodeJS.ErrnoException).code}).`, {
      cause,
    });
  }
  try {
    const bytes = await checkFrame(file, path);
    const reader = await openReader(file, path);
    return new Dump(path, bytes, decodeMetadata(reader.schema.metadata, path, bare), file, reader.numRecordBatches);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openReader(file: FileHandle, path: string): Promise<AsyncRecordBatchFileReader> {
  try {
    const reader = (await RecordBatchReader.from(file)) as AsyncRecordBatchFileReader;
    await reader.open({ autoDestroy: false });
    return reader;
  } catch (cause) {
    throw compressed(path, cause) ?? damaged(path, 'its footer cannot be read', cause);
  }
}

/** Arrow's file frame: magic, …, footer, its length, magic. Checked here so that no reader allocates from a bad length. */
async function checkFrame(file: FileHandle, path: string): Promise<number> {
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
  const footer = tail.readInt32LE(0);
  if (tail.toString('latin1', 4) !== MAGIC || footer <= 0 || footer > stat.size - 20) {
    throw damaged(
      path,
      `it has ${stat.size} bytes and does not end with an Arrow footer: it was cut off or is still being written`,
    );
  }
  await checkBlocks(file, path, stat.size - 10 - footer, footer);
  return stat.size;
}

/** Where a block is and how large its two parts are; NaN, which is nowhere, where the footer cannot say. */
function numbersOf(blockAt: () => FileBlock | null): readonly [number, number, number] {
  try {
    const block = blockAt();
    return [Number(block?.offset), Number(block?.metaDataLength), Number(block?.bodyLength)];
  } catch {
    return [Number.NaN, Number.NaN, Number.NaN];
  }
}

/** Every block that the footer names lies between the magic and the footer: for one that does not, Arrow's reader looks for ever. */
async function checkBlocks(file: FileHandle, path: string, begin: number, length: number): Promise<void> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, begin);
  let footer: Footer;
  try {
    footer = Footer.decode(bytes);
  } catch (cause) {
    throw damaged(path, 'its footer cannot be read', cause);
  }
  const kinds = [
    ['record batch', footer.numRecordBatches, (index: number) => footer.getRecordBatch(index)],
    ['dictionary', footer.numDictionaries, (index: number) => footer.getDictionaryBatch(index)],
  ] as const;
  for (const [kind, count, blockAt] of kinds) {
    for (let index = 0; index < count; index++) {
      const [offset, header, body] = numbersOf(() => blockAt(index));
      const isInside = offset >= MAGIC.length + 2 && header > 0 && body >= 0 && offset + header + body <= begin;
      if (isInside) continue;
      throw damaged(path, `${kind} ${index} of ${count} is to be at ${offset}, and the data end at ${begin}`);
    }
  }
}

/** What Arrow's reader says of buffers that it cannot inflate. */
export function compressed(path: string, cause: unknown): DumpError | undefined {
  if (!(cause instanceof Error) || !/codec not found|compress/i.test(cause.message)) return undefined;
  const remedy =
    'Write it uncompressed: pyarrow.ipc.IpcWriteOptions(compression=None), compression="uncompressed" in polars.';
  return new DumpError(
    'dump-unsupported',
    `${path}: its values are compressed, and read are uncompressed ones. ${remedy}`,
    { cause },
  );
}

export function damaged(path: string, what: string, cause?: unknown): DumpError {
  const said = cause instanceof Error ? ` (${cause.message})` : '';
  return new DumpError('dump-damaged', `${path}: ${what}${said}. Capture it again.`, { cause });
}

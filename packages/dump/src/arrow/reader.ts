import type { FileHandle } from 'node:fs/promises';
import { type AsyncRecordBatchFileReader, RecordBatchReader } from 'apache-arrow';
import type { RowDigests } from '../digest.js';
import { DumpError, damaged } from '../errors.js';
import { type DumpMetadata, decodeMetadata } from '../metadata.js';
import { openFile } from '../open-file.js';
import type { RecordedRun } from '../run.js';
import type { Tensor } from '../tensor.js';
import { type Block, readFrame } from './frame.js';
import { checkMessage } from './message.js';
import { ReadAhead } from './read-ahead.js';
import { type Columns, readBatch } from './read-batch.js';
import { type Batch, digestsOf, tensorsOf } from './rows.js';

/** An open dump. Close it when done. */
export class Dump implements RecordedRun {
  /** It is as we write it, and nothing is done to it. */
  readonly notes = [];

  constructor(
    readonly path: string,
    readonly bytes: number,
    readonly metadata: DumpMetadata,
    private readonly file: FileHandle,
    private readonly blocks: readonly Block[],
    private readonly columns: Columns,
  ) {}

  /** How many record batches the file has; in our own dumps one is one tensor. */
  get batches(): number {
    return this.blocks.length;
  }

  /** Every tensor in file order, one in memory at a time; `values` are views of what was read. May be read several times at once. */
  tensors(): AsyncGenerator<Tensor> {
    return this.read(tensorsOf);
  }

  /** Of a file that has a hash of each row in place of its values: the hashes, in file order. */
  get digests(): (() => AsyncGenerator<RowDigests>) | undefined {
    return this.metadata.digest && (() => this.read(digestsOf));
  }

  private async *read<Rows>(rowsOf: (batch: Batch, path: string) => Iterable<Rows>): AsyncGenerator<Rows> {
    const ahead = new ReadAhead(this.file);
    let reader: AsyncRecordBatchFileReader | undefined;
    for (const [index, block] of this.blocks.entries()) {
      let batch = reader ? undefined : await readBatch(ahead, this.path, block, this.columns);
      if (!batch) {
        reader ??= await openReader(ahead, this.path);
        batch = await this.inflated(ahead, reader, index);
      }
      try {
        yield* rowsOf(batch, this.path);
      } catch (cause) {
        // Arrow's vectors read a batch when they are asked, and find only then that it does not fit together.
        throw cause instanceof DumpError ? cause : damaged(this.path, `${block.what} does not fit together`, cause);
      }
    }
  }

  /** A batch whose buffers are compressed. */
  private async inflated(file: ReadAhead, reader: AsyncRecordBatchFileReader, index: number): Promise<Batch> {
    const block = this.blocks[index] as Block;
    await checkMessage(file, this.path, block);
    try {
      const batch = await reader.readRecordBatch(index);
      if (batch) return batch;
    } catch (cause) {
      throw damaged(this.path, `${block.what} cannot be read`, cause);
    }
    throw damaged(this.path, `${block.what} is missing`);
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
  const file = await openFile(path);
  try {
    const { bytes, dictionaries, batches } = await readFrame(file, path);
    for (const dictionary of dictionaries) await checkMessage(file, path, dictionary); // they are read as soon as it is opened
    const { schema, dictionaries: read } = await openReader(file, path);
    const columns = { schema, dictionaries: read };
    return new Dump(path, bytes, decodeMetadata(schema.metadata, path, bare), file, batches, columns);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openReader(file: ReadAhead | FileHandle, path: string): Promise<AsyncRecordBatchFileReader> {
  try {
    const reader = (await RecordBatchReader.from(file as unknown as FileHandle)) as AsyncRecordBatchFileReader;
    await reader.open({ autoDestroy: false });
    return reader;
  } catch (cause) {
    throw damaged(path, 'its schema or its dictionaries cannot be read', cause);
  }
}

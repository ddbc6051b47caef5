import { createReadStream } from 'node:fs';
import { RecordBatchReader } from 'apache-arrow';
import { DumpError, damaged } from '../errors.js';
import { type DumpMetadata, decodeMetadata } from '../metadata.js';
import { openFile } from '../open-file.js';
import type { RecordedRun } from '../run.js';
import type { Tensor } from '../tensor.js';
import { ReadAhead } from './read-ahead.js';
import { readTensorStream } from './stream.js';
import { checkStream } from './stream-check.js';

const CONTINUATION = 0xffffffff;

/** Whether a file begins as an Arrow IPC *stream* does, which has no magic but the mark before each message. */
export const isArrowStream = (head: Uint8Array): boolean =>
  head.length >= 8 && [0, 1, 2, 3].every((i) => head[i] === 0xff) && head[7] === 0;

/**
 * Opens a file with an Arrow IPC stream in it, such as a child process writes, with the columns of a dump.
 *
 * @param bare what it is taken to say where it has none of our metadata
 * @throws DumpError where it does not end as a stream ends, or is no dump
 */
export async function openStreamDump(path: string, bare?: DumpMetadata): Promise<RecordedRun> {
  const bytes = await check(path);
  const metadata = decodeMetadata(await schemaMetadata(path), path, bare);
  return {
    path,
    bytes,
    metadata,
    notes: ['format: an Arrow stream'],
    tensors: () => tensors(path),
    close: async () => {},
  };
}

async function* tensors(path: string): AsyncGenerator<Tensor> {
  const source = createReadStream(path);
  try {
    yield* readTensorStream(source, path);
  } catch (cause) {
    throw cause instanceof DumpError ? cause : damaged(path, 'its stream cannot be read', cause);
  } finally {
    source.destroy();
  }
}

async function schemaMetadata(path: string): Promise<ReadonlyMap<string, string>> {
  const source = createReadStream(path);
  try {
    const reader = await RecordBatchReader.from(source);
    await reader.open({ autoDestroy: false });
    return reader.schema.metadata;
  } catch (cause) {
    throw damaged(path, 'its schema cannot be read', cause);
  } finally {
    source.destroy();
  }
}

/** A stream that is whole ends with a mark and no length: without it Arrow's reader would take what there is for all. */
async function check(path: string): Promise<number> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const end = Buffer.alloc(8);
    await file.read(end, 0, 8, Math.max(0, size - 8));
    if (end.readUInt32LE(0) !== CONTINUATION || end.readUInt32LE(4) !== 0) {
      throw damaged(
        path,
        `it has ${size} bytes and does not end as an Arrow stream: it was cut off or is still being written`,
      );
    }
    await checkStream(new ReadAhead(file), path, size);
    return size;
  } finally {
    await file.close();
  }
}

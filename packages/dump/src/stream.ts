import type { Readable } from 'node:stream';
import { RecordBatchReader } from 'apache-arrow';
import { tensorsOf } from './rows.js';
import type { Tensor } from './tensor.js';

/**
 * The tensors of an Arrow IPC stream as they arrive, such as from a child process's pipe.
 *
 * Several streams may follow each other on one pipe; each call reads one, and waits for its end.
 */
export async function* readTensorStream(source: Readable, name: string): AsyncGenerator<Tensor> {
  const reader = await RecordBatchReader.from(source);
  for await (const batch of reader) yield* tensorsOf(batch, name);
}

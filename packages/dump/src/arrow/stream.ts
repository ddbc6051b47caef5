import type { Readable } from 'node:stream';
import { RecordBatchReader } from 'apache-arrow';
import type { Tensor } from '../tensor.js';
import { tensorsOf } from './rows.js';

/**
 * The tensors of an Arrow IPC stream as they arrive, such as from a child process's pipe.
 *
 * Arrow's reader destroys its source at the end of the stream: where another stream follows on the same pipe, pass a
 * stream that stands in for it.
 */
export async function* readTensorStream(source: Readable, name: string): AsyncGenerator<Tensor> {
  const reader = await RecordBatchReader.from(source);
  for await (const batch of reader) {
    if (batch.numRows === 0) return; // what Arrow makes of an empty stream; asked for more, it would read the next one
    yield* tensorsOf(batch, name);
  }
}

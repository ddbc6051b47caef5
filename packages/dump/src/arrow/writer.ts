import { RecordBatchStreamWriter } from 'apache-arrow';
import { STAGE_NAMES } from '../stage/vocabulary.js';
import type { Tensor } from '../tensor.js';
import { TENSORS } from './batch.js';
import { BatchWriter } from './batch-writer.js';
import { ArrowFile } from './file-writer.js';

const GATHERED = 256 << 10; // bytes; an Arrow message costs as much as copying that many

/**
 * Writes tensors as an Arrow IPC stream to an open file descriptor, such as a pipe to another process. Small ones share a
 * record batch, so the reader sees them a little later.
 *
 * @example const writer = new TensorStreamWriter(3); writer.write(tensor); writer.close();
 */
export class TensorStreamWriter {
  private readonly writer: BatchWriter<Tensor>;
  private gathered: Tensor[] = [];
  private gatheredBytes = 0;

  /** @param stages the names that will occur; others are allowed. */
  constructor(descriptor: number, stages: readonly string[] = STAGE_NAMES) {
    this.writer = new BatchWriter(TENSORS, descriptor, stages, new RecordBatchStreamWriter());
  }

  /** Writes one tensor. Its values may be reused when this returns. */
  write(tensor: Tensor): void {
    if (tensor.values.byteLength >= GATHERED) {
      this.flush();
      this.writer.writeBatch([tensor]);
      return;
    }
    this.gathered.push({ ...tensor, values: tensor.values.slice() });
    this.gatheredBytes += tensor.values.byteLength;
    if (this.gatheredBytes >= GATHERED) this.flush();
  }

  /** Ends the Arrow stream; the descriptor stays open. */
  close(): void {
    this.flush();
    this.writer.close();
  }

  /** Writes what small tensors wait to be written together, where somebody waits for them. */
  flush(): void {
    if (this.gathered.length > 0) this.writer.writeBatch(this.gathered);
    this.gathered = [];
    this.gatheredBytes = 0;
  }
}

/**
 * Writes a dump: an Arrow IPC file, one record batch per tensor, under a temporary name until it is whole.
 *
 * @throws DumpError `dump-unwritable` or `dump-full`; the partial file is removed then.
 * @example
 * const dump = new DumpWriter('dumps/candidate.arrow');
 * for await (const tensor of run.tensors) dump.write(tensor);
 * dump.close({ producer: { name: 'my-engine', version: '1' }, tokens: [1, 15043] });
 */
export class DumpWriter extends ArrowFile<Tensor> {
  constructor(path: string, stages?: readonly string[]) {
    super(TENSORS, path, stages);
  }

  /** Writes one tensor as one record batch. Its values are not copied, and may be reused when this returns. */
  write(tensor: Tensor): void {
    this.writeBatch([tensor]);
  }
}

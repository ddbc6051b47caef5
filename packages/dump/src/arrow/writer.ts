import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type Data,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  type Schema,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { writeError } from '../errors.js';
import { makeDirectory, newPartial } from '../files.js';
import { type DumpMetadata, encodeMetadata } from '../metadata.js';
import { STAGE_NAMES } from '../stage/vocabulary.js';
import type { Tensor } from '../tensor.js';
import { dumpSchema, StageDictionary, tensorBatch } from './batch.js';
import { DescriptorSink } from './sink.js';

/** What the two writers have in common: record batches of tensors, to a file descriptor. */
class TensorWriter {
  private readonly sink: DescriptorSink;
  private readonly schema: Schema;
  private readonly stages: StageDictionary;

  constructor(
    descriptor: number,
    stages: readonly string[],
    private readonly writer: RecordBatchWriter,
    metadata = new Map<string, string>(),
  ) {
    this.sink = new DescriptorSink(descriptor);
    this.schema = dumpSchema(metadata);
    this.stages = new StageDictionary(stages);
    this.writer.reset(this.sink, this.schema);
  }

  get bytes(): number {
    return this.sink.bytes;
  }

  writeBatch(tensors: readonly Tensor[]): void {
    this.writer.write(tensorBatch(this.schema, this.stages, tensors));
    this.sink.flush();
  }

  close(): void {
    this.writer.close();
    this.sink.flush();
  }
}

const GATHERED = 256 << 10; // bytes; an Arrow message costs as much as copying that many

/**
 * Writes tensors as an Arrow IPC stream to an open file descriptor, such as a pipe to another process. Small ones share a
 * record batch, so the reader sees them a little later.
 *
 * @example const writer = new TensorStreamWriter(3); writer.write(tensor); writer.close();
 */
export class TensorStreamWriter {
  private readonly writer: TensorWriter;
  private gathered: Tensor[] = [];
  private gatheredBytes = 0;

  /** @param stages the names that will occur; others are allowed. */
  constructor(descriptor: number, stages: readonly string[] = STAGE_NAMES) {
    this.writer = new TensorWriter(descriptor, stages, new RecordBatchStreamWriter());
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

  private flush(): void {
    if (this.gathered.length > 0) this.writer.writeBatch(this.gathered);
    this.gathered = [];
    this.gatheredBytes = 0;
  }
}

/**
 * Arrow's file writer, with the dictionary written once, before the footer, when every stage name is known. The format
 * allows it anywhere in a file, and deltas are what other readers (polars) refuse.
 */
class DictionaryLastWriter extends RecordBatchFileWriter {
  private last: RecordBatch | undefined;

  protected override _writeDictionaries(batch: RecordBatch): this {
    this.last = batch;
    return this;
  }

  protected override _writeFooter(schema: Schema): this {
    for (const [id, dictionary] of this.last?.dictionaries ?? []) {
      const whole = vectorFromArray([...dictionary], new Utf8());
      super._writeDictionaryBatch(whole.data[0] as Data, id);
    }
    return super._writeFooter(schema);
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
export class DumpWriter {
  private readonly partial: string;
  private readonly descriptor: number;
  private readonly metadata = new Map<string, string>();
  private readonly writer: TensorWriter;
  private open = true;
  private readonly onExit = () => this.abort();

  constructor(
    readonly path: string,
    stages: readonly string[] = STAGE_NAMES,
  ) {
    this.partial = newPartial(path);
    try {
      makeDirectory(dirname(path));
      this.descriptor = openSync(this.partial, 'w');
    } catch (error) {
      throw writeError(path, error);
    }
    process.once('exit', this.onExit);
    this.writer = this.guard(
      () => new TensorWriter(this.descriptor, stages, new DictionaryLastWriter(), this.metadata),
    );
  }

  get bytes(): number {
    return this.writer.bytes;
  }

  /** Writes one tensor as one record batch. Its values are not copied, and may be reused when this returns. */
  write(tensor: Tensor): void {
    this.guard(() => this.writer.writeBatch([tensor]));
  }

  /** Completes the file and gives it its name. */
  close(metadata: DumpMetadata): void {
    this.guard(() => {
      // Arrow's file format keeps the schema in its footer, so what is known only at the end still gets in.
      for (const [key, value] of encodeMetadata(metadata)) this.metadata.set(key, value);
      this.writer.close();
      closeSync(this.descriptor);
      renameSync(this.partial, this.path);
    });
    this.open = false;
    process.off('exit', this.onExit);
  }

  /** Removes what was written so far. Does nothing once the dump is closed. */
  abort(): void {
    if (!this.open) return;
    this.open = false;
    process.off('exit', this.onExit);
    try {
      closeSync(this.descriptor);
    } catch {
      // the descriptor may be what failed
    }
    rmSync(this.partial, { force: true });
  }

  private guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.abort();
      throw writeError(this.path, error);
    }
  }
}

import { closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
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
import { dumpSchema, StageDictionary, tensorBatch } from './batch.js';
import { writeError } from './errors.js';
import { type DumpMetadata, encodeMetadata } from './metadata.js';
import { DescriptorSink } from './sink.js';
import { STAGE_NAMES } from './stages.js';
import type { Tensor } from './tensor.js';

/**
 * Writes tensors as an Arrow IPC stream to an open file descriptor, such as a pipe to another process.
 *
 * @example const writer = new TensorStreamWriter(3); writer.write(tensor); writer.close();
 */
export class TensorStreamWriter {
  protected readonly sink: DescriptorSink;
  protected readonly schema: Schema;
  protected readonly metadata: Map<string, string>;
  private readonly stages: StageDictionary;
  private readonly writer: RecordBatchWriter;

  /** @param stages the names that will occur; others are allowed, but not every Arrow reader knows delta dictionaries. */
  constructor(
    descriptor: number,
    stages: readonly string[] = STAGE_NAMES,
    metadata = new Map<string, string>(),
    writer: RecordBatchWriter = new RecordBatchStreamWriter(),
  ) {
    this.sink = new DescriptorSink(descriptor);
    this.metadata = metadata;
    this.schema = dumpSchema(metadata);
    this.stages = new StageDictionary(stages);
    this.writer = writer;
    this.writer.reset(this.sink, this.schema);
  }

  get bytes(): number {
    return this.sink.bytes;
  }

  /** Writes one tensor. Its values are not copied, and may be reused when this returns. */
  write(tensor: Tensor): void {
    this.writer.write(tensorBatch(this.schema, this.stages, tensor));
    this.sink.flush();
  }

  /** Ends the Arrow stream; the descriptor stays open. */
  close(): void {
    this.writer.close();
    this.sink.flush();
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

class FileTensorWriter extends TensorStreamWriter {
  constructor(descriptor: number, stages?: readonly string[]) {
    super(descriptor, stages, new Map(), new DictionaryLastWriter());
  }

  finish(metadata: DumpMetadata): void {
    // Arrow's file format keeps the schema in its footer, so what is known only at the end still gets in.
    for (const [key, value] of encodeMetadata(metadata)) this.metadata.set(key, value);
    this.close();
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
  private readonly writer: FileTensorWriter;
  private open = true;
  private readonly onExit = () => this.abort();

  constructor(
    readonly path: string,
    stages?: readonly string[],
  ) {
    this.partial = `${path}.${process.pid}.partial`;
    try {
      makeDirectory(dirname(path));
      this.descriptor = openSync(this.partial, 'w');
    } catch (error) {
      throw writeError(path, error);
    }
    process.once('exit', this.onExit);
    this.writer = this.guard(() => new FileTensorWriter(this.descriptor, stages));
  }

  get bytes(): number {
    return this.writer.bytes;
  }

  write(tensor: Tensor): void {
    this.guard(() => this.writer.write(tensor));
  }

  /** Completes the file and gives it its name. */
  close(metadata: DumpMetadata): void {
    this.guard(() => {
      this.writer.finish(metadata);
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

/** mkdir -p. Node's own never returns where a file system refuses with ENOENT, as /proc does. */
function makeDirectory(path: string): void {
  const make = () => {
    try {
      mkdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  };
  try {
    make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    make();
  }
}

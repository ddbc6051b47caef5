import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Data, type RecordBatch, RecordBatchFileWriter, type Schema, Utf8, vectorFromArray } from 'apache-arrow';
import { writeError } from '../errors.js';
import { makeDirectory, newPartial } from '../files.js';
import { type DumpMetadata, encodeMetadata } from '../metadata.js';
import { STAGE_NAMES } from '../stage/vocabulary.js';
import type { Columns } from './batch.js';
import { BatchWriter } from './batch-writer.js';

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

/** An Arrow IPC file of ours, under a temporary name until it is whole. */
export abstract class ArrowFile<Rows> {
  private readonly partial: string;
  private readonly descriptor: number;
  private readonly metadata = new Map<string, string>();
  private readonly writer: BatchWriter<Rows>;
  private open = true;
  private readonly onExit = () => this.abort();

  constructor(
    columns: Columns<Rows>,
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
      () => new BatchWriter(columns, this.descriptor, stages, new DictionaryLastWriter(), this.metadata),
    );
  }

  get bytes(): number {
    return this.writer.bytes;
  }

  protected writeBatch(all: readonly Rows[]): void {
    this.guard(() => this.writer.writeBatch(all));
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

import type { RecordBatchWriter, Schema } from 'apache-arrow';
import { type Columns, StageDictionary } from './batch.js';
import { DescriptorSink } from './sink.js';

/** What all writers have in common: record batches, to a file descriptor. */
export class BatchWriter<Rows> {
  private readonly sink: DescriptorSink;
  private readonly schema: Schema;
  private readonly stages: StageDictionary;

  constructor(
    private readonly columns: Columns<Rows>,
    descriptor: number,
    stages: readonly string[],
    private readonly writer: RecordBatchWriter,
    metadata = new Map<string, string>(),
  ) {
    this.sink = new DescriptorSink(descriptor);
    this.schema = columns.schema(metadata);
    this.stages = new StageDictionary(stages);
    this.writer.reset(this.sink, this.schema);
  }

  get bytes(): number {
    return this.sink.bytes;
  }

  writeBatch(all: readonly Rows[]): void {
    this.writer.write(this.columns.batch(this.schema, this.stages, all));
    this.sink.flush();
  }

  close(): void {
    this.writer.close();
    this.sink.flush();
  }
}

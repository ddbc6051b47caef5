import { encode, type Finding } from '@llama-probe/comparison/ask';
import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  Message,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { type Cell, type CellType, COLUMNS, type Column, rowsOf } from './rows.js';

/** What a reader of the file's metadata can rely on. */
export const COMPARISON_FORMAT = '1';

// Texts are plain utf8: DuckDB's reader of Arrow files knows no dictionaries in most of its versions.
const TYPES: Readonly<Record<CellType, () => DataType>> = {
  utf8: () => new Utf8(),
  int32: () => new Int32(),
  int64: () => new Int64(),
  float64: () => new Float64(),
  bool: () => new Bool(),
  time: () => new TimestampMillisecond(), // no zone: comparisons with it need nothing loaded
};

/**
 * Arrow's file writer leaves the schema to the footer. The format wants a whole stream behind the magic, which is what DuckDB's
 * reader and others that do not seek go by.
 */
class StreamableFileWriter extends RecordBatchFileWriter {
  protected override _writeSchema(schema: Schema): this {
    return super._writeSchema(schema)._writeMessage(Message.from(schema));
  }
}

/**
 * Every stage as a row of an Arrow IPC file. The schema's metadata has what was compared: `llama_probe.comparison` is the format,
 * `llama_probe.runs` a JSON array.
 */
export function arrow(findings: readonly Finding[]): Uint8Array {
  return arrowFile(COLUMNS, rowsOf(findings), {
    'llama_probe.comparison': COMPARISON_FORMAT,
    'llama_probe.runs': encode(findings.map(head)),
  });
}

/** Rows as an Arrow IPC file, uncompressed, in one record batch. */
export function arrowFile<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = columns.map(({ name, type }) => new Field(name, TYPES[type](), true));
  const schema = new Schema(fields, new Map(Object.entries(metadata)));
  const children = columns.map(({ type, of }) => {
    const cells = rows.map((row) => forArrow(of(row), type));
    const [data] = vectorFromArray(cells, TYPES[type]()).data;
    if (!data) throw new RangeError('Arrow made no column of the rows');
    return data;
  });
  const batch = new RecordBatch(schema, makeData({ type: new Struct(fields), length: rows.length, children }));
  const writer = new StreamableFileWriter();
  writer.write(batch);
  return writer.finish().toUint8Array(true);
}

const forArrow = (cell: Cell, type: CellType): Cell | bigint =>
  type === 'int64' && typeof cell === 'number' ? BigInt(cell) : cell;

/** What was compared with what, and what came of it. */
function head({ name, verdict, reason, report }: Finding): object {
  const { model, tokens, reference, candidate, floors, first, timings } = report;
  return { name, verdict, reason, model, tokens, reference, candidate, floors, first, timings };
}

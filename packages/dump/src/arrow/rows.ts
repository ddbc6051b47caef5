import { type Data, DataType, type RecordBatch, type Vector } from 'apache-arrow';
import { DumpError, damaged } from '../errors.js';
import { MOST_LAYERS } from '../metadata.js';
import type { Tensor } from '../tensor.js';

const COLUMNS = ['step', 'order', 'layer', 'stage', 'token', 'values'] as const;
type Column = (typeof COLUMNS)[number];

/**
 * The tensors of one record batch. A dump of ours has one tensor in a batch; other writers may put any number, and
 * rows that follow each other with the same step, order, layer and stage are one tensor. Values are views, not copies,
 * where the file has them as list<float32>.
 */
export function* tensorsOf(batch: RecordBatch, path: string): Generator<Tensor> {
  const [step, order, layer, stage, token, values] = COLUMNS.map((name) => column(batch, name, path)) as [
    Vector,
    Vector,
    Vector,
    Vector,
    Vector,
    Vector,
  ];
  const rows = valuesReader(values, path);
  const whole = (name: Column, vector: Vector, row: number) => integer(vector.get(row), name, row, path);
  const layerOf = (row: number) => (layer.get(row) === null ? null : whole('layer', layer, row));
  if (batch.numRows > 0) whole('step', step, batch.numRows - 1); // no more rows than there are numbers, before they are gone through
  checkRows(rows, batch.numRows, path);
  for (let first = 0, end: number; first < batch.numRows; first = end) {
    const at = {
      step: whole('step', step, first),
      order: whole('order', order, first),
      layer: layerOf(first),
      stage: nameOf(stage.get(first), path),
    };
    const width = rows.end(first) - rows.begin(first);
    for (end = first + 1; end < batch.numRows; end++) {
      const same =
        whole('step', step, end) === at.step &&
        whole('order', order, end) === at.order &&
        layerOf(end) === at.layer &&
        stage.get(end) === at.stage;
      if (!same || rows.end(end) - rows.begin(end) !== width) break;
    }
    yield {
      ...at,
      positions: Int32Array.from({ length: end - first }, (_, row) => whole('token', token, first + row)),
      width,
      values: rows.slice(rows.begin(first), rows.begin(first) + (end - first) * width),
    };
  }
}

/** Rows that lie inside their values, one after the other. */
function checkRows(rows: ValuesReader, count: number, path: string): void {
  for (let row = 0; row < count; row++) {
    const [begin, end] = [rows.begin(row), rows.end(row)];
    if (begin >= 0 && end >= begin && end <= rows.length) continue;
    const where = Number.isNaN(end) ? 'no end' : `the values ${begin} to ${end}`;
    const what = `row ${row} of a record batch has ${where}, and there are ${rows.length} values`;
    throw damaged(path, what);
  }
}

/** A number of a column; one that a file is too short for is nothing. Arrow has int64 as bigint, and other writers write floats where there are nulls. */
function integer(value: unknown, column: Column, row: number, path: string): number {
  const most = column === 'layer' ? MOST_LAYERS - 1 : 2 ** 31 - 1;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (Number.isInteger(number) && (number as number) >= 0 && (number as number) <= most) return number as number;
  throw damaged(
    path,
    `the column "${column}" has ${number ?? 'nothing'} in row ${row}; wanted a whole number from 0 to ${most}`,
  );
}

function column(batch: RecordBatch, name: string, path: string): Vector {
  const vector = batch.getChild(name);
  if (!vector) {
    const found = batch.schema.fields.map((field) => field.name).join(', ');
    throw new DumpError(
      'dump-format',
      `${path}: the column "${name}" is missing; found ${found || 'none'}, wanted ${COLUMNS.join(', ')} (docs/dump-format.md).`,
    );
  }
  return vector;
}

/** What a stage is called. A dictionary that does not have the index that a row has gives nothing. */
function nameOf(stage: unknown, path: string): string {
  if (typeof stage === 'string') return stage;
  const what = `a row's stage is ${stage === null || stage === undefined ? 'missing' : typeof stage}`;
  throw damaged(path, `${what}; wanted its name in every row`);
}

interface ValuesReader {
  /** How many values all rows have together. */
  readonly length: number;
  begin(row: number): number;
  end(row: number): number;
  slice(begin: number, end: number): Float32Array;
}

function valuesReader(vector: Vector, path: string): ValuesReader {
  const data = vector.data[0] as Data;
  const { type } = data;
  const child = data.children[0] as Data | undefined;
  const floats = child?.values as ArrayLike<number> | undefined;
  const isList = DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type);
  if (!isList || !child || !DataType.isFloat(child.type)) {
    throw new DumpError('dump-format', `${path}: the column "values" is ${type}; wanted list<float32>.`);
  }
  if (child.nullCount > 0) {
    throw new DumpError(
      'dump-format',
      `${path}: the column "values" has nulls inside a row; write NaN where there is no value.`,
    );
  }
  const length = Math.min(child.length, floats?.length ?? 0);
  // Float16 arrives as raw 16-bit patterns; Arrow's own accessor decodes them.
  const slice = (begin: number, end: number): Float32Array =>
    floats instanceof Float32Array
      ? floats.subarray(begin, end)
      : floats instanceof Float64Array
        ? Float32Array.from(floats.subarray(begin, end))
        : Float32Array.from({ length: end - begin }, (_, i) => Number(vector.getChildAt(0)?.get(begin + i)));
  if (DataType.isFixedSizeList(type)) {
    const size = type.listSize;
    return { length, begin: (row) => row * size, end: (row) => (row + 1) * size, slice };
  }
  const offsets = data.valueOffsets as ArrayLike<number | bigint>;
  return { length, begin: (row) => Number(offsets[row]), end: (row) => Number(offsets[row + 1]), slice };
}

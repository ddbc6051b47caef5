import { type Data, DataType, type Schema, type Vector } from 'apache-arrow';
import { DIGEST_BYTES, type RowDigests } from '../digest.js';
import { DumpError, damaged } from '../errors.js';
import { MOST_LAYERS } from '../metadata.js';
import type { Tensor } from '../tensor.js';

const PLACE = ['step', 'order', 'layer', 'stage', 'token'] as const;
const COLUMNS = { values: [...PLACE, 'values'], digest: [...PLACE, 'width', 'digest'] } as const;
type Column = (typeof COLUMNS)[keyof typeof COLUMNS][number];
/** Of a file without them all rows are of step 0, of one order, and of no layer but one that the stage's name has. */
const OPTIONAL = ['step', 'order', 'layer'] as const;
type Optional = (typeof OPTIONAL)[number];
type Columns<Name extends Column> = Record<Exclude<Name, Optional>, Vector> & Partial<Record<Optional, Vector | null>>;

/** What is asked of a record batch; Arrow's is one. */
export interface Batch {
  readonly numRows: number;
  readonly schema: Schema;
  /** A column; null where there is none of that name. */
  getChild(name: string): Vector | null;
}

/**
 * The tensors of one record batch. A dump of ours has one tensor in a batch; other writers may put any number, and
 * rows that follow each other with the same step, order, layer and stage are one tensor. Values are views, not copies,
 * where the file has them as list<float32>.
 */
export function* tensorsOf(batch: Batch, path: string): Generator<Tensor> {
  const column = columnsOf(batch, COLUMNS.values, path);
  const rows = valuesReader(column.values, path);
  checkCount(column, batch, path);
  checkRows(rows, batch.numRows, path);
  const widthOf = (row: number): number => rows.end(row) - rows.begin(row);
  for (const { first, end, ...tensor } of groupsOf(batch, column, widthOf, path)) {
    yield { ...tensor, values: rows.slice(rows.begin(first), rows.begin(first) + (end - first) * tensor.width) };
  }
}

/** The same of a file that has a hash of each row in place of its values. */
export function* digestsOf(batch: Batch, path: string): Generator<RowDigests> {
  const column = columnsOf(batch, COLUMNS.digest, path);
  const { type } = column.digest;
  const isFixed = DataType.isFixedSizeBinary(type) && type.byteWidth === DIGEST_BYTES;
  if (!isFixed && !DataType.isBinary(type) && !DataType.isLargeBinary(type)) {
    throw new DumpError(
      'dump-format',
      `${path}: the column "digest" is ${type}; wanted binary of ${DIGEST_BYTES} bytes.`,
    );
  }
  checkCount(column, batch, path);
  const widths = cellsOf(column.width);
  const widthOf = (row: number): number => whole(widths, 'width', row, path);
  for (const { first, end, ...rows } of groupsOf(batch, column, widthOf, path)) {
    yield { ...rows, digests: Array.from({ length: end - first }, (_, i) => digestAt(column.digest, first + i, path)) };
  }
}

function digestAt(vector: Vector, row: number, path: string): string {
  const bytes = vector.get(row) as Uint8Array | null;
  if (bytes?.length === DIGEST_BYTES) return Buffer.from(bytes).toString('hex');
  throw damaged(
    path,
    `the column "digest" has ${bytes ? `${bytes.length} bytes` : 'nothing'} in row ${row}; wanted ${DIGEST_BYTES}`,
  );
}

interface Group extends Omit<RowDigests, 'digests'> {
  readonly first: number;
  readonly end: number;
}

/** Rows that follow each other and are of one tensor. */
function* groupsOf(
  { numRows }: Batch,
  { step, order, layer, stage, token }: Columns<(typeof PLACE)[number]>,
  widthOf: (row: number) => number,
  path: string,
): Generator<Group> {
  const [steps, orders, layers] = [step, order, layer].map((column) => column && cellsOf(column));
  const [stages, tokens] = [cellsOf(stage), cellsOf(token)];
  const stepOf = (row: number) => (steps ? whole(steps, 'step', row, path) : 0);
  const orderOf = (row: number) => (orders ? whole(orders, 'order', row, path) : 0);
  const layerOf = (row: number) => (layers && layers(row) !== null ? whole(layers, 'layer', row, path) : null);
  for (let first = 0, end: number; first < numRows; first = end) {
    const at = {
      step: stepOf(first),
      order: orderOf(first),
      layer: layerOf(first),
      stage: nameOf(stages(first), path),
    };
    const width = widthOf(first);
    for (end = first + 1; end < numRows; end++) {
      const same =
        stepOf(end) === at.step && orderOf(end) === at.order && layerOf(end) === at.layer && stages(end) === at.stage;
      if (!same || widthOf(end) !== width) break;
    }
    const positions = new Int32Array(end - first);
    for (let row = first; row < end; row++) positions[row - first] = whole(tokens, 'token', row, path);
    yield { ...at, positions, width, first, end };
  }
}

/** What a column has in a row; null where that is none. */
type Cells = (row: number) => unknown;

/** Of numbers as they lie in memory, which is what most columns are, without Arrow's way through their type. */
function cellsOf(vector: Vector): Cells {
  const [data, ...more] = vector.data;
  const { values, nullCount, offset } = data as Data;
  const arePlain = DataType.isInt(vector.type) && values instanceof Int32Array && nullCount === 0 && offset === 0;
  return arePlain && more.length === 0 ? (row) => values[row] : (row) => vector.get(row);
}

/** No more rows than there are numbers, before they are gone through. */
function checkCount({ token }: { readonly token: Vector }, { numRows }: Batch, path: string): void {
  if (numRows > 0) whole(cellsOf(token), 'token', numRows - 1, path);
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
function whole(cells: Cells, column: Column, row: number, path: string): number {
  const value = cells(row);
  const most = column === 'layer' ? MOST_LAYERS - 1 : 2 ** 31 - 1;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (Number.isInteger(number) && (number as number) >= 0 && (number as number) <= most) return number as number;
  throw damaged(
    path,
    `the column "${column}" has ${number ?? 'nothing'} in row ${row}; wanted a whole number from 0 to ${most}`,
  );
}

function columnsOf<Name extends Column>(batch: Batch, names: readonly Name[], path: string): Columns<Name> {
  const found = batch.schema.fields.map((field) => field.name);
  const missing = names.find((name) => !found.includes(name) && !OPTIONAL.some((one) => one === name));
  if (missing === undefined)
    return Object.fromEntries(names.map((name) => [name, batch.getChild(name)])) as Columns<Name>;
  const isDigest = missing === 'values' && found.includes('digest');
  const remedy = isDigest ? ', or llama_probe.digest in the metadata of a file of hashes' : '';
  throw new DumpError(
    'dump-format',
    `${path}: the column "${missing}" is missing; found ${found.join(', ') || 'none'}, wanted ${names.join(', ')}${remedy} (docs/dump-format.md).`,
  );
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

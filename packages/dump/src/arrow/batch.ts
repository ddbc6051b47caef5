import {
  type Data,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float32,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { DIGEST_BYTES, type RowDigests } from '../digest.js';
import type { Tensor } from '../tensor.js';

/** The columns of a file of ours, and rows as a record batch of them. */
export interface Columns<Rows> {
  /** The metadata map may be filled until the file is closed: Arrow writes it with the footer. */
  schema(metadata: Map<string, string>): Schema;
  batch(schema: Schema, stages: StageDictionary, all: readonly Rows[]): RecordBatch;
}

const ITEM = new Field('item', new Float32(), false);

/** A dump: tensors, one after the other. The values of a single one are used as they are; those of several are copied together. */
export const TENSORS: Columns<Tensor> = {
  schema: (metadata) => new Schema([...placeFields(), new Field('values', new List(ITEM), false)], metadata),
  batch(schema, stages, tensors) {
    const { rows, columns } = placeColumns(schema, stages, tensors);
    const offsets = new Int32Array(rows + 1);
    let row = 0;
    for (const { positions, width } of tensors)
      for (let i = 0; i < positions.length; i++, row++) offsets[row + 1] = (offsets[row] as number) + width;
    const values = makeData({ type: new Float32(), length: offsets[rows] as number, data: together(tensors) });
    const lists = makeData({ type: new List(ITEM), length: rows, valueOffsets: offsets, child: values });
    return batchOf(schema, rows, [...columns, lists]);
  },
};

/** A digest: rows without their values. */
export const DIGESTS: Columns<RowDigests> = {
  schema: (metadata) =>
    new Schema(
      [
        ...placeFields(),
        new Field('width', new Int32(), false),
        new Field('digest', new FixedSizeBinary(DIGEST_BYTES), false),
      ],
      metadata,
    ),
  batch(schema, stages, all) {
    const { rows, columns } = placeColumns(schema, stages, all);
    const width = new Int32Array(rows);
    const bytes = Buffer.alloc(rows * DIGEST_BYTES);
    let row = 0;
    for (const one of all) {
      for (const digest of one.digests) {
        width[row] = one.width;
        bytes.write(digest, row * DIGEST_BYTES, 'hex');
        row++;
      }
    }
    const digests = makeData({ type: new FixedSizeBinary(DIGEST_BYTES), length: rows, data: bytes });
    return batchOf(schema, rows, [...columns, int32(width), digests]);
  },
};

const placeFields = (): Field[] => [
  new Field('step', new Int32(), false),
  new Field('order', new Int32(), false),
  new Field('layer', new Int32(), true),
  new Field('stage', new Dictionary(new Utf8(), new Int32(), 0, false), false),
  new Field('token', new Int32(), false),
];

/** The dictionary of the `stage` column. A name that nobody announced is appended, and Arrow writes a delta. */
export class StageDictionary {
  private readonly index = new Map<string, number>();
  vector: Vector<Utf8>;

  constructor(names: readonly string[]) {
    this.vector = vectorFromArray(names as string[], new Utf8()) as Vector<Utf8>;
    for (const name of names) this.index.set(name, this.index.size);
  }

  indexOf(name: string): number {
    let index = this.index.get(name);
    if (index === undefined) {
      index = this.index.size;
      this.index.set(name, index);
      this.vector = this.vector.concat(vectorFromArray([name], new Utf8())) as Vector<Utf8>;
    }
    return index;
  }
}

/** Where rows are: what all files of ours have. */
function placeColumns(
  schema: Schema,
  stages: StageDictionary,
  all: readonly Pick<Tensor, 'step' | 'order' | 'layer' | 'stage' | 'positions'>[],
): { rows: number; columns: Data[] } {
  const rows = all.reduce((sum, { positions }) => sum + positions.length, 0);
  const step = new Int32Array(rows);
  const order = new Int32Array(rows);
  const layer = new Int32Array(rows);
  const hasLayer = new Uint8Array((rows + 7) >> 3);
  const stage = new Int32Array(rows);
  const token = new Int32Array(rows);
  let nulls = 0;
  let row = 0;
  for (const one of all) {
    const index = stages.indexOf(one.stage);
    for (const position of one.positions) {
      step[row] = one.step;
      order[row] = one.order;
      stage[row] = index;
      token[row] = position;
      if (one.layer === null) nulls++;
      else {
        layer[row] = one.layer;
        hasLayer[row >> 3] = (hasLayer[row >> 3] as number) | (1 << (row & 7));
      }
      row++;
    }
  }
  const columns: Data[] = [
    int32(step),
    int32(order),
    makeData({
      type: new Int32(),
      length: rows,
      data: layer,
      nullCount: nulls,
      nullBitmap: nulls > 0 ? hasLayer : null,
    }),
    makeData({
      type: schema.fields[3]?.type as Dictionary<Utf8, Int32>,
      length: rows,
      data: stage,
      dictionary: stages.vector,
    }),
    int32(token),
  ];
  return { rows, columns };
}

const batchOf = (schema: Schema, length: number, children: Data[]): RecordBatch =>
  new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, children }));

function together(tensors: readonly Tensor[]): Float32Array {
  if (tensors.length === 1) return (tensors[0] as Tensor).values;
  const values = new Float32Array(tensors.reduce((sum, one) => sum + one.values.length, 0));
  let at = 0;
  for (const one of tensors) {
    values.set(one.values, at);
    at += one.values.length;
  }
  return values;
}

const int32 = (data: Int32Array) => makeData({ type: new Int32(), length: data.length, data });

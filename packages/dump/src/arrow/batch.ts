import {
  type Data,
  Dictionary,
  Field,
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
import type { Tensor } from '../tensor.js';

const ITEM = new Field('item', new Float32(), false);

/** The columns of a dump. The metadata map may be filled until the file is closed: Arrow writes it with the footer. */
export function dumpSchema(metadata: Map<string, string>): Schema {
  return new Schema(
    [
      new Field('step', new Int32(), false),
      new Field('order', new Int32(), false),
      new Field('layer', new Int32(), true),
      new Field('stage', new Dictionary(new Utf8(), new Int32(), 0, false), false),
      new Field('token', new Int32(), false),
      new Field('values', new List(ITEM), false),
    ],
    metadata,
  );
}

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

/**
 * Tensors as one record batch, one after the other. The values of a single tensor are used as they are; those of several
 * are copied together.
 */
export function tensorBatch(schema: Schema, stages: StageDictionary, tensors: readonly Tensor[]): RecordBatch {
  const rows = tensors.reduce((sum, { positions }) => sum + positions.length, 0);
  const step = new Int32Array(rows);
  const order = new Int32Array(rows);
  const layer = new Int32Array(rows);
  const hasLayer = new Uint8Array((rows + 7) >> 3);
  const stage = new Int32Array(rows);
  const token = new Int32Array(rows);
  const offsets = new Int32Array(rows + 1);
  let nulls = 0;
  let row = 0;
  for (const tensor of tensors) {
    const index = stages.indexOf(tensor.stage);
    for (const position of tensor.positions) {
      step[row] = tensor.step;
      order[row] = tensor.order;
      stage[row] = index;
      token[row] = position;
      if (tensor.layer === null) nulls++;
      else {
        layer[row] = tensor.layer;
        hasLayer[row >> 3] = (hasLayer[row >> 3] as number) | (1 << (row & 7));
      }
      offsets[row + 1] = (offsets[row] as number) + tensor.width;
      row++;
    }
  }
  const children: Data[] = [
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
    makeData({
      type: new List(ITEM),
      length: rows,
      valueOffsets: offsets,
      child: makeData({ type: new Float32(), length: offsets[rows] as number, data: together(tensors) }),
    }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, children }));
}

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

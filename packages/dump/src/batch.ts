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
import type { Tensor } from './tensor.js';

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

/** One tensor as one record batch. `values` is used as it is, never copied. */
export function tensorBatch(schema: Schema, stages: StageDictionary, tensor: Tensor): RecordBatch {
  const rows = tensor.tokens.length;
  const { width } = tensor;
  const index = stages.indexOf(tensor.stage);
  const children: Data[] = [
    int32(filled(rows, tensor.step)),
    int32(filled(rows, tensor.order)),
    tensor.layer === null
      ? makeData({
          type: new Int32(),
          length: rows,
          data: new Int32Array(rows),
          nullCount: rows,
          nullBitmap: new Uint8Array((rows + 7) >> 3),
        })
      : int32(filled(rows, tensor.layer)),
    makeData({
      type: schema.fields[3]?.type as Dictionary<Utf8, Int32>,
      length: rows,
      data: filled(rows, index),
      dictionary: stages.vector,
    }),
    int32(tensor.tokens),
    makeData({
      type: new List(ITEM),
      length: rows,
      valueOffsets: Int32Array.from({ length: rows + 1 }, (_, row) => row * width),
      child: makeData({ type: new Float32(), length: rows * width, data: tensor.values }),
    }),
  ];
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, children }));
}

const filled = (rows: number, value: number) => new Int32Array(rows).fill(value);
const int32 = (data: Int32Array) => makeData({ type: new Int32(), length: data.length, data });

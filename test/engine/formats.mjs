import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** In one file: as a hundred modules it takes as long to load as the engine to run. */
const {
  Field,
  Float32,
  Int32,
  List,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Table,
  Utf8,
  vectorFromArray,
} = createRequire(import.meta.url)('apache-arrow/Arrow.es2015.min');

/**
 * One stage of one pass.
 *
 * @typedef {{ step: number, order: number, layer: number | null, stage: string, first: number, rows: Float32Array[] }} Piece
 */

/** How a run may be written: each is `(pieces, tokens, out)`. */
export const FORMATS = {
  arrow: (pieces, tokens, out) => writeFileSync(out, arrow(pieces, tokens, RecordBatchFileWriter)),
  /** On standard output. */
  stream: (pieces, tokens) => process.stdout.write(arrow(pieces, tokens, RecordBatchStreamWriter)),
  safetensors: (pieces, tokens, out) => writeFileSync(out, safetensors(pieces, tokens)),
  npz: (pieces, tokens, out) => writeFileSync(`${out}.npz`, npz(pieces, tokens)), // as NumPy names it
  npy(pieces, tokens, out) {
    mkdirSync(out);
    for (const { name, shape, values } of arrays(pieces, tokens))
      writeFileSync(join(out, `${name}.npy`), npy(shape, values));
  },
  raw(pieces, tokens, out) {
    mkdirSync(out);
    const all = arrays(pieces).map(({ name, shape, values }) => {
      writeFileSync(join(out, `${name}.bin`), bytesOf(values));
      return { name, file: `${name}.bin`, shape };
    });
    writeFileSync(join(out, 'manifest.json'), JSON.stringify({ tokens, producer: 'mini-llama', tensors: all }));
  },
};

/** The six columns of docs/dump-format.md, a row of a stage in each row. */
function arrow(pieces, tokens, Writer) {
  const every = (f) => pieces.flatMap((piece) => piece.rows.map((row, t) => f(piece, t, row)));
  const columns = {
    step: vectorFromArray(
      every(({ step }) => step),
      new Int32(),
    ),
    order: vectorFromArray(
      every(({ order }) => order),
      new Int32(),
    ),
    layer: vectorFromArray(
      every(({ layer }) => layer),
      new Int32(),
    ),
    stage: vectorFromArray(
      every(({ stage }) => stage),
      new Utf8(),
    ),
    token: vectorFromArray(
      every(({ first }, t) => first + t),
      new Int32(),
    ),
    values: vectorFromArray(
      every((_, __, row) => row),
      new List(new Field('item', new Float32())),
    ),
  };
  const about = { 'llama_probe.format': '1', 'llama_probe.tokens': JSON.stringify(tokens) };
  const producer = { 'llama_probe.producer': JSON.stringify({ name: 'mini-llama', version: '1' }) };
  const { schema, batches } = new Table(columns);
  const named = new Schema(schema.fields, new Map(Object.entries({ ...about, ...producer })));
  const table = new Table(
    named,
    batches.map(({ data }) => data),
  );
  return Writer.writeAll(table).toUint8Array(true);
}

/** Each stage as one array of all its rows, whichever pass they are of; scores as [heads, tokens, n_kv], and the ids. */
function arrays(pieces, tokens) {
  const byName = new Map();
  for (const piece of pieces) {
    const name = piece.layer === null ? piece.stage : `${piece.stage}-${piece.layer}`;
    byName.set(name, [...(byName.get(name) ?? []), piece]);
  }
  const own = [...byName].map(([name, passes]) => {
    const rows = passes.flatMap((piece) => piece.rows.map((row) => ({ row, seen: piece.first + piece.rows.length })));
    if (!name.startsWith('kq-') && !name.startsWith('kq_soft_max-')) {
      return { name, shape: [rows.length, rows[0].row.length], values: joined(rows.map(({ row }) => row)) };
    }
    const most = rows.at(-1).seen;
    const heads = rows[0].row.length / rows[0].seen;
    const values = new Float32Array(heads * rows.length * most).fill(name.startsWith('kq-') ? Number.NaN : 0);
    for (const [t, { row, seen }] of rows.entries()) {
      for (let h = 0; h < heads; h++) values.set(row.subarray(h * seen, (h + 1) * seen), (h * rows.length + t) * most);
    }
    return { name, shape: [heads, rows.length, most], values };
  });
  return tokens ? [{ name: 'tokens', shape: [tokens.length], values: Int32Array.from(tokens) }, ...own] : own;
}

function joined(rows) {
  const all = new Float32Array(rows.reduce((size, row) => size + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);

function safetensors(pieces, tokens) {
  let end = 0;
  const all = arrays(pieces, tokens);
  const header = Object.fromEntries(
    all.map(({ name, shape, values }) => {
      const data_offsets = [end, end + values.byteLength];
      end += values.byteLength;
      return [name, { dtype: values instanceof Int32Array ? 'I32' : 'F32', shape, data_offsets }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...all.map(({ values }) => bytesOf(values))]);
}

/** NumPy's format, version 1. */
function npy(shape, values) {
  const descr = values instanceof Int32Array ? '<i4' : '<f4';
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11, ' ');
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}\n`, 'latin1');
  head.writeUInt16LE(padded.length + 1, 8);
  return Buffer.concat([head, bytesOf(values)]);
}

/** A zip whose entries are stored as they are. */
function npz(pieces, tokens) {
  const [files, entries] = [[], []];
  let at = 0;
  for (const { name, shape, values } of arrays(pieces, tokens)) {
    const [path, content] = [Buffer.from(`${name}.npy`), npy(shape, values)];
    const about = Buffer.alloc(26); // version, flags, method, time, date, crc, sizes, lengths
    about.writeUInt16LE(20, 0);
    about.writeUInt32LE(crc32(content), 10);
    about.writeUInt32LE(content.length, 14);
    about.writeUInt32LE(content.length, 18);
    about.writeUInt16LE(path.length, 22);
    const begin = Buffer.alloc(4);
    begin.writeUInt32LE(at);
    files.push(Buffer.from('PK\x03\x04'), about, path, content);
    entries.push(Buffer.from('PK\x01\x02\x14\x00'), about, Buffer.alloc(10), begin, path);
    at += 30 + path.length + content.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(files.length / 4, 8);
  end.writeUInt16LE(files.length / 4, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, directory, end]);
}

import { type Field, STRING, type Table } from './flatbuffer.js';

// The flatbuffers of an Arrow file, as far as a reader follows them. Source: format/File.fbs, Schema.fbs and Message.fbs of Apache Arrow.

const BYTE: Field = { scalar: 1 };
const SHORT: Field = { scalar: 2 };
const INT: Field = { scalar: 4 };
const LONG: Field = { scalar: 8 };

const KEY_VALUE: Table = [STRING, STRING];
const CUSTOM_METADATA: Field = { vectorOfTables: () => KEY_VALUE };
const INT_TYPE: Table = [INT, BYTE];

/** By the number of a type; those without a row have no fields. */
const TYPES: Readonly<Record<number, Table>> = {
  ...Object.fromEntries(Array.from({ length: 27 }, (_, number) => [number, []])),
  2: INT_TYPE,
  3: [SHORT], // floating point: its precision
  7: [INT, INT, INT], // decimal: precision, scale, bits
  8: [SHORT], // date: its unit
  9: [SHORT, INT], // time: unit, bits
  10: [SHORT, STRING], // timestamp: unit, zone
  11: [SHORT], // interval: its unit
  14: [SHORT, { vectorOf: 4 }], // union: mode, ids
  15: [INT], // bytes of a fixed size
  16: [INT], // a list of a fixed size
  17: [BYTE], // map: are its keys sorted?
  18: [SHORT], // duration: its unit
};

const DICTIONARY_ENCODING: Table = [LONG, { table: () => INT_TYPE }, BYTE, SHORT];

const FIELD: Table = [
  STRING,
  BYTE, // nullable
  BYTE, // which type
  { union: TYPES },
  { table: () => DICTIONARY_ENCODING },
  { vectorOfTables: () => FIELD }, // children
  CUSTOM_METADATA,
];

const SCHEMA: Table = [SHORT, { vectorOfTables: () => FIELD }, CUSTOM_METADATA, { vectorOf: 8 }];

const BLOCK = 24; // bytes: offset, length of the header, padding, length of the body

/** What a file ends with: version, schema, dictionaries, record batches. */
export const FOOTER: Table = [
  SHORT,
  { table: () => SCHEMA },
  { vectorOf: BLOCK },
  { vectorOf: BLOCK },
  CUSTOM_METADATA,
];

const PAIR = 16; // bytes: of a field's length and its nulls, and of a buffer's offset and length

const RECORD_BATCH: Table = [
  LONG,
  { vectorOf: PAIR },
  { vectorOf: PAIR },
  { table: () => [BYTE, BYTE] },
  { vectorOf: 8 },
];
const DICTIONARY_BATCH: Table = [LONG, { table: () => RECORD_BATCH }, BYTE];

/** What a block begins with: version, which header, the header, the body's length. */
export const MESSAGE: Table = [
  SHORT,
  BYTE,
  { union: { 1: SCHEMA, 2: DICTIONARY_BATCH, 3: RECORD_BATCH } },
  LONG,
  CUSTOM_METADATA,
];

import {
  type DataType,
  Field,
  FixedSizeList,
  Float64,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { type Baseline, BaselineError, type BaselineStage } from './baseline.js';
import { PROJECTIONS } from './projections.js';
import { isSealed, seal, UNSEALED } from './seal.js';

const FORMAT = '2';
const PREFIX = 'llama_probe.';
const MAGIC = 'ARROW1';
export const REMEDY = 'Run probe gate --update, look at what changed, and commit the file.';

const projections = new FixedSizeList(PROJECTIONS, new Field('item', new Float64(), false));

/** The columns: their names, types, whether they may be null, and what is in them. */
const COLUMNS: readonly (readonly [string, DataType, boolean, (stage: BaselineStage) => unknown])[] = [
  ['step', new Int32(), false, ({ step }) => step],
  ['order', new Int32(), false, ({ order }) => order],
  ['layer', new Int32(), true, ({ layer }) => layer],
  ['stage', new Utf8(), false, ({ stage }) => stage],
  ['rows', new Int32(), false, ({ rows }) => rows],
  ['width', new Int32(), false, ({ width }) => width],
  ['values', new Float64(), false, ({ values }) => values],
  ['mean', new Float64(), false, ({ mean }) => mean],
  ['rms', new Float64(), false, ({ rms }) => rms],
  ['abs_max', new Float64(), false, ({ absMax }) => absMax],
  ['reference_rms', new Float64(), false, ({ referenceRms }) => referenceRms],
  ['rel', new Float64(), false, ({ rel }) => rel],
  ['floor', new Float64(), true, ({ floor }) => floor],
  ['limit', new Float64(), false, ({ limit }) => limit],
  ['hash', new Utf8(), false, ({ hash }) => hash],
  ['reference_projections', projections, false, ({ reference }) => Array.from(reference)],
];

/** A baseline as an Arrow IPC file, a row per stage. The same baseline always makes the same bytes. */
export function encodeBaseline({ stages, ...about }: Baseline): Uint8Array {
  const fields = COLUMNS.map(([name, type, nullable]) => new Field(name, type, nullable));
  const children = COLUMNS.map(([, type, , value]) => {
    const [data] = vectorFromArray(stages.map(value) as never[], type).data;
    return data ?? makeData({ type, length: 0 } as never);
  });
  const metadata = new Map([[`${PREFIX}baseline`, FORMAT]]);
  for (const [key, value] of Object.entries(about)) metadata.set(PREFIX + key, JSON.stringify(value));
  const data = makeData({ type: new Struct(fields), length: stages.length, children: children as never });
  metadata.set(`${PREFIX}checksum`, UNSEALED);
  return seal(tableToIPC(new Table([new RecordBatch(new Schema(fields, metadata), data)]), 'file'));
}

/** @param path for the messages @throws BaselineError if it is damaged, no baseline, or of another version */
export function decodeBaseline(bytes: Uint8Array, path: string): Baseline {
  const foreign = (what: string) => new BaselineError('baseline-foreign', `${path}: ${what}. ${REMEDY}`);
  const damaged = (what: string) => new BaselineError('baseline-damaged', `${path}: ${what}. ${REMEDY}`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.length === 0) throw damaged('is empty');
  if (text.toString('latin1', 0, 6) !== MAGIC) {
    throw foreign(`is no Arrow IPC file: it begins with ${JSON.stringify(text.toString('latin1', 0, 8))}`);
  }
  const footer = text.length > 20 ? text.readInt32LE(text.length - 10) : 0;
  if (text.toString('latin1', text.length - 6) !== MAGIC || footer <= 0 || footer > text.length - 20) {
    throw damaged(`has ${text.length} bytes and does not end as an Arrow file does: it was cut off`);
  }
  // Before Arrow reads it: one wrong bit can make its reader loop for ever, or take all memory.
  const sealed = isSealed(text);
  if (sealed === undefined) throw foreign(unsealedIs(text));
  if (!sealed) {
    throw damaged('its content is not what its checksum says: it was changed, or merged by git as if it were text');
  }
  let table: Table;
  try {
    table = tableFromIPC(bytes);
  } catch (error) {
    throw damaged(`cannot be read as Arrow (${(error as Error).message})`);
  }
  const { metadata } = table.schema;
  const format = metadata.get(`${PREFIX}baseline`);
  if (format !== FORMAT) throw foreign(`is of format ${format}, and this version reads ${FORMAT}`);
  const missing = COLUMNS.find(([name]) => !table.getChild(name));
  if (missing) throw damaged(`has no column ${missing[0]}`);
  let about: Record<string, unknown>;
  let stages: BaselineStage[];
  try {
    about = aboutOf(metadata);
    stages = rowsOf(table);
  } catch (error) {
    throw damaged(`does not hold together (${(error as Error).message})`);
  }
  return { ...(about as Omit<Baseline, 'stages'>), stages };
}

/** What a whole file without our checksum may be, found out without reading it as Arrow. */
function unsealedIs(bytes: Buffer): string {
  if (bytes.includes(`${PREFIX}baseline`)) return `is of another format than ${FORMAT}, which this version reads`;
  return bytes.includes(`${PREFIX}format`) ? 'is a dump, not a baseline' : 'is no baseline';
}

function aboutOf(metadata: ReadonlyMap<string, string>): Record<string, unknown> {
  const entries = [...metadata].filter(([key]) => key.startsWith(PREFIX) && !/\.(baseline|checksum)$/.test(key));
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(PREFIX.length), JSON.parse(value)]));
}

function rowsOf(table: Table): BaselineStage[] {
  const columns = Object.fromEntries(COLUMNS.map(([name]) => [name, table.getChild(name)]));
  const list = (name: string, row: number) => Array.from(columns[name]?.get(row) as Iterable<number>);
  return Array.from({ length: table.numRows }, (_, row) => {
    const get = <T>(name: string) => columns[name]?.get(row) as T;
    return {
      step: get<number>('step'),
      order: get<number>('order'),
      layer: get<number | null>('layer'),
      stage: get<string>('stage'),
      rows: get<number>('rows'),
      width: get<number>('width'),
      values: get<number>('values'),
      mean: get<number>('mean'),
      rms: get<number>('rms'),
      absMax: get<number>('abs_max'),
      referenceRms: get<number>('reference_rms'),
      rel: get<number>('rel'),
      floor: get<number | null>('floor'),
      limit: get<number>('limit'),
      hash: get<string>('hash'),
      reference: list('reference_projections', row),
    };
  });
}

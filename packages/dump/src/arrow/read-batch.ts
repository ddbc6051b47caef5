import { type Schema, Vector } from 'apache-arrow';
import { VectorLoader } from 'apache-arrow/visitor/vectorloader';
import { damaged } from '../errors.js';
import type { Block } from './frame.js';
import { checkHeader, refuseLong } from './message.js';
import type { Source } from './read-ahead.js';
import type { Batch } from './rows.js';

/** What all batches of a file have in common. */
export interface Columns {
  readonly schema: Schema;
  readonly dictionaries: Map<number, Vector>;
}

const ALIGNED = 64; // bytes, as Arrow aligns buffers: a view of 32-bit values begins at a multiple of four
const AT_ONCE = 1 << 30; // bytes: no read is longer

/**
 * A record batch, read in one piece into memory of its own, and checked. Arrow's file reader reads it in five, and would not say in which memory;
 * its RecordBatch makes a schema of its own, which takes as long as the reading.
 *
 * @returns undefined where its buffers are compressed: that reader inflates them
 * @throws DumpError `dump-damaged`
 */
export async function readBatch(
  file: Source,
  path: string,
  block: Block,
  { schema, dictionaries }: Columns,
): Promise<Batch | undefined> {
  refuseLong(path, block);
  const { what, offset, header } = block;
  const before = -header & (ALIGNED - 1);
  const bytes = Buffer.allocUnsafeSlow(before + header + block.body);
  for (let done = before; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, AT_ONCE), offset + done - before);
    if (bytesRead === 0) throw damaged(path, `${what} ends before its end: the file was cut off while it was read`);
    done += bytesRead;
  }
  const { batch, compressed, body } = checkHeader(bytes.subarray(before, before + header), path, block);
  if (compressed) return undefined;
  if (!batch) throw damaged(path, `${what} is none`);
  try {
    const { nodes, buffers, length, variadicBufferCounts } = batch;
    const values = bytes.subarray(before + header, before + header + body);
    const { metadataVersion, fields } = schema;
    const columns = new VectorLoader(values, nodes, buffers, dictionaries, metadataVersion, variadicBufferCounts);
    const read = columns.visitMany(fields);
    const other = read.findIndex((column) => column.length !== length);
    if (other >= 0) throw new Error(`${fields[other]?.name} has ${read[other]?.length} rows of ${length}`);
    const byName = new Map(fields.map(({ name }, i) => [name, i]));
    return {
      numRows: length,
      schema,
      getChild: (name) => {
        const column = read[byName.get(name) ?? -1];
        return column ? new Vector([column]) : null;
      },
    };
  } catch (cause) {
    throw damaged(path, `${what} cannot be read`, cause);
  }
}

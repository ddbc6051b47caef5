import { MessageHeader } from 'apache-arrow/enum';
import { type DictionaryBatch, Message, type RecordBatch } from 'apache-arrow/ipc/metadata/message';
import { damaged } from '../errors.js';
import { checkFlatbuffer } from './flatbuffer.js';
import type { Block } from './frame.js';
import { inflatedLength, learnToInflate } from './inflate.js';
import { MESSAGE } from './ipc-tables.js';
import type { Source } from './read-ahead.js';

const LONGEST = 2 ** 24; // bytes: the header of a batch with half a million columns

/**
 * Checks what the header of a block claims before Arrow's reader takes it at its word: as many nodes and buffers as it has room for, each
 * buffer inside the body, and no more rows than the body could hold, once it is inflated.
 *
 * @throws DumpError `dump-damaged`
 */
export async function checkMessage(file: Source, path: string, block: Block): Promise<void> {
  refuseLong(path, block);
  const header = Buffer.alloc(block.header);
  await file.read(header, 0, block.header, block.offset);
  const wrong = await inflatedFault(file, block.offset + block.header, checkHeader(header, path, block));
  if (wrong) throw damaged(path, `${block.what} ${wrong}`);
}

/** Before as much is allocated. @throws DumpError `dump-damaged` */
export function refuseLong(path: string, { what, header }: Block): void {
  if (header > LONGEST) throw damaged(path, `${what} is to have a header of ${header} bytes`);
}

/** The same of a header that was read, but for how long its buffers are to become. @returns what it claims @throws DumpError `dump-damaged` */
export function checkHeader(header: Buffer, path: string, block: Block): Claim {
  const claim = claimOfBlock(header, block);
  if (typeof claim === 'string') throw damaged(path, `${block.what} ${claim}`);
  return claim;
}

/** @returns what is wrong, where something is */
function claimOfBlock(header: Buffer, { body }: Block): Claim | string {
  const { length } = header;
  // A length, with four bytes of ones before it since Arrow 0.15.
  const prefix = length >= 8 && header.readInt32LE(0) === -1 ? 8 : 4;
  const size = length >= prefix ? header.readInt32LE(prefix - 4) : 0;
  if (size <= 0 || prefix + size > length)
    return `says that its header has ${size} bytes, and the footer says ${length}`;
  const claim = claimOf(header.subarray(prefix, prefix + size));
  if (claim.isSchema) return 'is a schema';
  if (claim.body > body) return `says that its body has ${claim.body} bytes, and the footer says ${body}`;
  return claim.fault ?? claim;
}

/** What the header of a message says that comes after it, and what is wrong with that. */
export interface Claim {
  readonly isSchema: boolean;
  /** Bytes of values. */
  readonly body: number;
  readonly fault: string | undefined;
  /** What it is a header of, unless that is a dictionary. */
  readonly batch?: RecordBatch;
  /** The batch whose buffers are to be inflated. */
  readonly compressed?: RecordBatch;
}

/** @param flatbuffer the header of a message */
export function claimOf(flatbuffer: Uint8Array): Claim {
  try {
    checkFlatbuffer(flatbuffer, MESSAGE);
    const message = Message.decode(flatbuffer);
    const { bodyLength: body, headerType } = message;
    if (headerType === MessageHeader.Schema) return { isSchema: true, body, fault: undefined };
    const header: unknown = message.header();
    const batch =
      headerType === MessageHeader.DictionaryBatch ? (header as DictionaryBatch).data : (header as RecordBatch);
    const { compression } = batch;
    const own = headerType === MessageHeader.RecordBatch ? { batch } : {};
    if (!compression) return { isSchema: false, body, fault: bodyFault(batch, body, body), ...own };
    return { isSchema: false, body, fault: bufferFault(batch, body), compressed: batch, ...own };
  } catch (cause) {
    const why = cause instanceof RangeError ? `: ${cause.message}` : '';
    return { isSchema: false, body: 0, fault: `has a header that cannot be read${why}` };
  }
}

/** What is wrong with buffers that are compressed, by the lengths that they are to have; Arrow's reader can inflate them then. @param begin where the body begins */
export async function inflatedFault(
  file: Source,
  begin: number,
  { compressed, body: bytes }: Claim,
): Promise<string | undefined> {
  if (!compressed) return undefined;
  const length = await inflatedLength(file, { begin, bytes }, compressed);
  if (typeof length === 'string') return length;
  await learnToInflate();
  return bodyFault(compressed, length);
}

/** What of a batch does not fit into so many bytes of values. */
function bodyFault(batch: RecordBatch, bytes: number, body?: number): string | undefined {
  const { length, nodes } = batch;
  if (length < 0 || length > bytes) return `is to have ${length} rows in ${bytes} bytes`;
  const node = nodes.find(
    (one) => one.length < 0 || one.length > bytes * 8 || one.nullCount < 0 || one.nullCount > one.length,
  );
  if (node) return `is to have ${node.length} values, ${node.nullCount} of them null, in ${bytes} bytes`;
  return body === undefined ? undefined : bufferFault(batch, body);
}

function bufferFault({ buffers, variadicBufferCounts }: RecordBatch, body: number): string | undefined {
  const buffer = buffers.find((one) => one.offset < 0 || one.length < 0 || one.offset + one.length > body);
  if (buffer) return `has a buffer at ${buffer.offset} of ${buffer.length} bytes, and its body has ${body}`;
  const isMore = variadicBufferCounts.some((count) => count < 0 || count > buffers.length);
  return isMore ? `claims more buffers than the ${buffers.length} that it has` : undefined;
}

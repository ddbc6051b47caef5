import type { FileHandle } from 'node:fs/promises';
import { MessageHeader } from 'apache-arrow/enum';
import { type DictionaryBatch, Message, type RecordBatch } from 'apache-arrow/ipc/metadata/message';
import { damaged, unreadCompression } from '../errors.js';
import { checkFlatbuffer } from './flatbuffer.js';
import type { Block } from './frame.js';
import { MESSAGE } from './ipc-tables.js';

const LONGEST = 2 ** 24; // bytes: the header of a batch with half a million columns

/**
 * Checks what the header of a block claims before Arrow's reader takes it at its word: as many nodes and buffers as it has room for, each
 * buffer inside the body, and no more rows than the body could hold.
 *
 * @throws DumpError `dump-damaged`, or `dump-unsupported` where the batch is compressed
 */
export async function checkMessage(file: FileHandle, path: string, block: Block): Promise<void> {
  const wrong = await faultOf(file, block);
  if (wrong === COMPRESSED) throw unreadCompression(path);
  if (wrong) throw damaged(path, `${block.what} ${wrong}`);
}

/** The fault of a batch that is whole, and of a kind that is not read. */
export const COMPRESSED = 'is compressed';

async function faultOf(file: FileHandle, { header: length, body, offset }: Block): Promise<string | undefined> {
  if (length > LONGEST) return `is to have a header of ${length} bytes`;
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  // A length, with four bytes of ones before it since Arrow 0.15.
  const prefix = bytes.length >= 8 && bytes.readInt32LE(0) === -1 ? 8 : 4;
  const size = bytes.length >= prefix ? bytes.readInt32LE(prefix - 4) : 0;
  if (size <= 0 || prefix + size > length)
    return `says that its header has ${size} bytes, and the footer says ${length}`;
  const claim = claimOf(bytes.subarray(prefix, prefix + size));
  if (claim.isSchema) return 'is a schema';
  if (claim.body > body) return `says that its body has ${claim.body} bytes, and the footer says ${body}`;
  return claim.fault;
}

/** What the header of a message says that comes after it, and what is wrong with that. */
export interface Claim {
  readonly isSchema: boolean;
  /** Bytes of values. */
  readonly body: number;
  readonly fault: string | undefined;
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
    return { isSchema: false, body, fault: batch.compression ? COMPRESSED : bodyFault(batch, body) };
  } catch (cause) {
    const why = cause instanceof RangeError ? `: ${cause.message}` : '';
    return { isSchema: false, body: 0, fault: `has a header that cannot be read${why}` };
  }
}

/** What of a batch does not fit into its body. */
function bodyFault({ length, nodes, buffers, variadicBufferCounts }: RecordBatch, body: number): string | undefined {
  if (length < 0 || length > body) return `is to have ${length} rows in ${body} bytes`;
  const node = nodes.find(
    (one) => one.length < 0 || one.length > body * 8 || one.nullCount < 0 || one.nullCount > one.length,
  );
  if (node) return `is to have ${node.length} values, ${node.nullCount} of them null, in ${body} bytes`;
  const buffer = buffers.find((one) => one.offset < 0 || one.length < 0 || one.offset + one.length > body);
  if (buffer) return `has a buffer at ${buffer.offset} of ${buffer.length} bytes, and its body has ${body}`;
  const isMore = variadicBufferCounts.some((count) => count < 0 || count > buffers.length);
  return isMore ? `claims more buffers than the ${buffers.length} that it has` : undefined;
}

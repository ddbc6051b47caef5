import { type FileHandle, open } from 'node:fs/promises';
import { DictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import type { Field } from 'apache-arrow/fb/field';
import { Message } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema } from 'apache-arrow/fb/schema';
import { ByteBuffer } from 'flatbuffers';

const CONTINUATION = 0xffffffff;
const LARGEST = 1 << 20; // bytes; the metadata of a message of ours has some hundred
const DEEPEST = 4; // a list's values are one deep
const NODE = 16; // bytes of a node, and of a buffer, in a message

/**
 * Whether the messages of a stream follow each other to its end, and none says that it has more than fits into it: of such a one Arrow's reader would look for
 * what is not there for ever. Reads no values.
 *
 * @returns what is wrong; undefined where nothing is
 */
export async function brokenMessage(path: string, size: number): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    for (let at = 0, index = 0; ; index++) {
      const { getUint32 } = await viewAt(file, at, 8);
      const [mark, length] = [getUint32(0), getUint32(4)];
      const name = `message ${index}, at byte ${at},`;
      if (mark !== CONTINUATION) return `${name} does not begin as one`;
      if (length === 0) return at + 8 === size ? undefined : `${name} is the end, and the file has ${size} bytes`;
      if (length > LARGEST || at + 8 + length > size) return `${name} is to have ${length} bytes of metadata`;
      const bytes = new Uint8Array(length);
      await file.read(bytes, 0, length, at + 8);
      const body = bodyOf(bytes, index === 0);
      const next = at + 8 + length + body;
      if (!(body >= 0 && next + 8 <= size)) return `${name} does not fit together`;
      at = next;
    }
  } finally {
    await file.close();
  }
}

/** How many bytes of values come after a message; NaN where what it says of them cannot be. */
function bodyOf(bytes: Uint8Array, isFirst: boolean): number {
  const message = Message.getRootAsMessage(new ByteBuffer(bytes));
  const type = message.headerType();
  if (isFirst !== (type === MessageHeader.Schema)) return Number.NaN;
  const most = bytes.length / NODE;
  if (type === MessageHeader.Schema) {
    const schema = message.header(new Schema()) as Schema | null;
    return schema && isSound(schema, most) ? Number(message.bodyLength()) : Number.NaN;
  }
  const batch =
    type === MessageHeader.DictionaryBatch
      ? ((message.header(new DictionaryBatch()) as DictionaryBatch | null)?.data() ?? null)
      : type === MessageHeader.RecordBatch
        ? (message.header(new RecordBatch()) as RecordBatch | null)
        : null;
  const body = Number(message.bodyLength());
  if (!batch || !(batch.nodesLength() <= most && batch.buffersLength() <= most)) return Number.NaN;
  for (let i = 0; i < batch.buffersLength(); i++) {
    const buffer = batch.buffers(i);
    const [offset, length] = [Number(buffer?.offset()), Number(buffer?.length())];
    if (!(offset >= 0 && length >= 0 && offset + length <= body)) return Number.NaN;
  }
  return body;
}

/** Whether no list of a schema is longer than its bytes: fields, what they are made of, and what is said of them. */
function isSound(schema: Schema, most: number): boolean {
  const isShort = (one: { customMetadataLength(): number }, length: number) =>
    length <= most && one.customMetadataLength() <= most;
  const isField = (field: Field | null, depth: number): boolean => {
    const length = field?.childrenLength() ?? Number.NaN;
    if (!field || depth > DEEPEST || !isShort(field, length)) return false;
    for (let i = 0; i < length; i++) if (!isField(field.children(i), depth + 1)) return false;
    return true;
  };
  if (!isShort(schema, schema.fieldsLength())) return false;
  for (let i = 0; i < schema.fieldsLength(); i++) if (!isField(schema.fields(i), 0)) return false;
  return true;
}

async function viewAt(file: FileHandle, at: number, length: number) {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, at);
  return { getUint32: (offset: number) => bytes.readUInt32LE(offset) };
}

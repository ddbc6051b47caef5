/** A GGUF file taken apart, to damage one thing in it. Written from the format's description, apart from the reader under test. */
export interface Gguf {
  entries: { key: string; type: number; value: Buffer }[];
  tensors: { name: string; shape: bigint[]; type: number; offset: bigint }[];
  data: Buffer;
}

export const [UINT32, FLOAT32, STRING, ARRAY] = [4, 6, 8, 9];
const SIZES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const ALIGNMENT = 32;

/** Takes a file apart. `table` and `body` are where the tensor table and the tensor data begin. */
export function parseGguf(bytes: Buffer): Gguf & { table: number; body: number } {
  let at = 24;
  const pass = (length: number) => {
    at += length;
    return at - length;
  };
  const u32 = () => bytes.readUInt32LE(pass(4));
  const u64 = () => bytes.readBigUInt64LE(pass(8));
  const text = () => {
    const length = Number(u64());
    return bytes.toString('utf8', pass(length), at);
  };
  const skip = (type: number): void => {
    if (type === STRING) text();
    else if (type === ARRAY) {
      const of = u32();
      for (let left = Number(u64()); left > 0; left--) skip(of);
    } else at += SIZES[type] as number;
  };
  const entries = Array.from({ length: Number(bytes.readBigUInt64LE(16)) }, () => {
    const key = text();
    const type = u32();
    const begin = at;
    skip(type);
    return { key, type, value: bytes.subarray(begin, at) };
  });
  const table = at;
  const tensors = Array.from({ length: Number(bytes.readBigUInt64LE(8)) }, () => {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    return { name, shape, type: u32(), offset: u64() };
  });
  const body = padded(at);
  return { entries, tensors, data: bytes.subarray(body), table, body };
}

/** Puts it together again. */
export function writeGguf({ entries, tensors, data }: Gguf): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(({ key, type, value }) => [string(key), u32(type), value]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      string(name),
      u32(shape.length),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  return Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), data]);
}

/** Values as the file has them. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
export const string = (text: string): Buffer => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);

const padded = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

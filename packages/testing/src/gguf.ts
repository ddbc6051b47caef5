/** A metadata value with its GGUF type. */
export type GgufValue =
  | { type: 'u8' | 'u16' | 'i32' | 'u32' | 'f32' | 'bool'; value: number }
  | { type: 'u64'; value: bigint }
  | { type: 'string'; value: string }
  | { type: 'array'; of: number; items: Buffer[]; length?: bigint }
  /** Bytes as they are in a file, under any number of a type. */
  | { type: 'raw'; of: number; bytes: Buffer };

export interface GgufTensor {
  name: string;
  type: number; // ggml's number
  shape: Array<number | bigint>;
  data: Uint8Array;
  offset?: number | bigint; // within the data; one after another unless given
}

/** Everything of a GGUF file. What a test damages is a field of its own. */
export interface GgufParts {
  version?: number;
  metadata: Record<string, GgufValue>;
  tensors: GgufTensor[];
  kvCount?: bigint;
  tensorCount?: bigint;
  alignment?: number;
  /** All of the data, instead of each tensor's own. */
  data?: Uint8Array;
}

/** A file taken apart, and where its tensor table and its data begin. */
export interface Gguf extends GgufParts {
  data: Uint8Array;
  table: number;
  body: number;
}

export const u32 = (value: number): GgufValue => ({ type: 'u32', value });
export const u16 = (value: number): GgufValue => ({ type: 'u16', value });
export const i32 = (value: number): GgufValue => ({ type: 'i32', value });
export const u64 = (value: bigint): GgufValue => ({ type: 'u64', value });
export const f32 = (value: number): GgufValue => ({ type: 'f32', value });
export const text = (value: string): GgufValue => ({ type: 'string', value });
/** An array of values of one type. @example list([1, 2].map(i32)) */
export const list = (values: readonly GgufValue[]): GgufValue => ({
  type: 'array',
  of: values[0] ? TYPE_NUMBERS[values[0].type as keyof typeof TYPE_NUMBERS] : 0,
  items: values.map((value) => Buffer.concat(typed(value).slice(1))),
});
export const texts = (values: string[]): GgufValue => ({ type: 'array', of: 8, items: values.map(string) });

const F32 = 0;

/** An F32 tensor; shape[0] is the length of a row. */
export const floats = (name: string, shape: number[], values: Float32Array): GgufTensor => ({
  name,
  type: F32,
  shape,
  data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/**
 * The bytes of a GGUF file, and where its header, its tensor table and its data begin.
 * Source: ggml's docs/gguf.md.
 */
export function writeGguf(parts: GgufParts): { bytes: Buffer; tableOffset: number; dataOffset: number } {
  const { alignment = 32 } = parts;
  const entries = Object.entries(parts.metadata);
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    int32(parts.version ?? 3),
    int64(parts.tensorCount ?? BigInt(parts.tensors.length)),
    int64(parts.kvCount ?? BigInt(entries.length)),
    ...entries.flatMap(([key, value]) => [string(key), ...typed(value)]),
  ]);
  let end = 0;
  const data: Buffer[] = [];
  const table = parts.tensors.map((tensor) => {
    const offset = tensor.offset ?? end;
    data.push(padded(Buffer.from(tensor.data), alignment));
    end += Math.ceil(tensor.data.length / alignment) * alignment;
    return Buffer.concat([
      string(tensor.name),
      int32(tensor.shape.length),
      ...tensor.shape.map((n) => int64(BigInt(n))),
      int32(tensor.type),
      int64(BigInt(offset)),
    ]);
  });
  const head = padded(Buffer.concat([header, ...table]), alignment);
  const body = parts.data ? [parts.data] : data;
  return { bytes: Buffer.concat([head, ...body]), tableOffset: header.length, dataOffset: head.length };
}

/** Takes a file apart, to damage one thing in it. Written from the format's description, apart from the reader under test. */
export function parseGguf(bytes: Buffer): Gguf {
  let at = 24;
  const pass = (length: number) => {
    at += length;
    return at - length;
  };
  const int = () => bytes.readUInt32LE(pass(4));
  const long = () => bytes.readBigUInt64LE(pass(8));
  const string = () => {
    const length = Number(long());
    return bytes.toString('utf8', pass(length), at);
  };
  const skip = (type: number): void => {
    if (type === TYPE_NUMBERS.string) string();
    else if (type === TYPE_NUMBERS.array) {
      const of = int();
      for (let left = Number(long()); left > 0; left--) skip(of);
    } else at += SIZES[type] as number;
  };
  const metadata: Record<string, GgufValue> = {};
  for (let left = bytes.readBigUInt64LE(16); left > 0n; left--) {
    const key = string();
    const of = int();
    const begin = at;
    skip(of);
    metadata[key] = { type: 'raw', of, bytes: bytes.subarray(begin, at) };
  }
  const table = at;
  const tensors = Array.from({ length: Number(bytes.readBigUInt64LE(8)) }, () => {
    const name = string();
    const shape = Array.from({ length: int() }, long);
    return { name, shape, type: int(), offset: long(), data: new Uint8Array() };
  });
  const body = Math.ceil(at / 32) * 32;
  return { metadata, tensors, data: bytes.subarray(body), table, body };
}

const TYPE_NUMBERS = { u8: 0, u16: 2, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10 };
/** Of values that are no strings and no arrays, in bytes. */
const SIZES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

function typed(value: GgufValue): Buffer[] {
  if (value.type === 'raw') return [int32(value.of), value.bytes];
  const type = int32(TYPE_NUMBERS[value.type]);
  switch (value.type) {
    case 'u8':
    case 'bool':
      return [type, Buffer.of(value.value)];
    case 'u16':
      return [type, int32(value.value).subarray(0, 2)];
    case 'i32':
    case 'u32':
      return [type, int32(value.value)];
    case 'f32': {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value.value);
      return [type, bytes];
    }
    case 'u64':
      return [type, int64(value.value)];
    case 'string':
      return [type, string(value.value)];
    case 'array':
      return [type, int32(value.of), int64(value.length ?? BigInt(value.items.length)), ...value.items];
  }
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int64(BigInt(bytes.length)), bytes]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

const padded = (bytes: Buffer, alignment: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((alignment - (bytes.length % alignment)) % alignment)]);

import { type Room, unfilled } from './file.js';

/** How many bytes a value of each type takes. */
export const DTYPES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const satisfies Readonly<Record<string, number>>;

/** A type of values, by safetensors' names. */
export type Dtype = keyof typeof DTYPES;

export const isFloat = (dtype: Dtype): boolean => dtype.startsWith('F') || dtype === 'BF16';

/** Bytes as float32. The bytes of F32 are used as they are. @param bytes at an offset that is a multiple of 8 @param room for the floats, where they are not kept */
export function toFloats(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype, room?: Room): Float32Array {
  const values = view(bytes, dtype);
  if (dtype === 'BF16') return brain(values as Uint16Array, room);
  if (dtype === 'F16') return halves(values as Uint16Array, room);
  if (values instanceof Float32Array) return values;
  return Float32Array.from(values as ArrayLike<number | bigint>, Number);
}

/** Bytes as numbers, exactly where they are whole. */
export function toNumbers(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): number[] {
  const values = view(bytes, dtype);
  return dtype === 'F16' || dtype === 'BF16' ? [...toFloats(bytes, dtype)] : Array.from(values, Number);
}

const VIEWS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** Typed arrays are little-endian on every machine that Node runs on. */
const view = (bytes: Uint8Array<ArrayBuffer>, dtype: Dtype) =>
  new VIEWS[dtype](bytes.buffer, bytes.byteOffset, Math.floor(bytes.byteLength / DTYPES[dtype]));

/** The upper half of a float32. Two are read at once: nothing but reading and writing takes time here. */
function brain(values: Uint16Array, room?: Room): Float32Array {
  const floats = floatsFor(values, room);
  const bits = new Int32Array(floats.buffer, 0, floats.length);
  const pairs = new Int32Array(values.buffer, values.byteOffset, values.length >> 1);
  for (let i = 0, at = 0; i < pairs.length; i++, at += 2) {
    const pair = pairs[i] as number;
    bits[at] = pair << 16;
    bits[at + 1] = pair & 0xffff0000;
  }
  if (values.length % 2 === 1) bits[values.length - 1] = (values.at(-1) as number) << 16;
  return floats;
}

function floatsFor({ length }: Uint16Array, room?: Room): Float32Array {
  const { buffer } = room?.take(4 * length) ?? unfilled(4 * length);
  return new Float32Array(buffer, 0, length);
}

let table: Float32Array | undefined;

/** Looked up: there are no more of them than this, and a tensor may have millions. */
function halves(values: Uint16Array, room?: Room): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));
  const floats = floatsFor(values, room);
  for (let i = 0; i < values.length; i++) floats[i] = table[values[i] as number] as number;
  return floats;
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

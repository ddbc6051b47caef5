import { readFileSync } from 'node:fs';

// A GGUF file (version 3) with F32 and F16 weights, by ggml's docs/gguf.md: all of it in memory.

const SCALARS = {
  0: ['getUint8', 1],
  1: ['getInt8', 1],
  2: ['getUint16', 2],
  3: ['getInt16', 2],
  4: ['getUint32', 4],
  5: ['getInt32', 4],
  6: ['getFloat32', 4],
  7: ['getUint8', 1],
  10: ['getBigUint64', 8],
  11: ['getBigInt64', 8],
  12: ['getFloat64', 8],
};

/** @returns {{ metadata: Record<string, unknown>, weight(name: string): Float32Array }} */
export function readGguf(path) {
  const file = readFileSync(path);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 8; // behind the magic and the version
  const read = (type) => {
    const [method, bytes] = SCALARS[type];
    const value = view[method](at, true);
    at += bytes;
    return typeof value === 'bigint' ? Number(value) : value;
  };
  const readString = () => {
    const length = read(10);
    at += length;
    return file.toString('utf8', at - length, at);
  };
  const readValue = (type) => {
    if (type === 8) return readString();
    if (type !== 9) return read(type);
    const [of, length] = [read(4), read(10)];
    return Array.from({ length }, () => readValue(of));
  };

  const [tensorCount, metadataCount] = [read(10), read(10)];
  const metadata = {};
  for (let i = 0; i < metadataCount; i++) {
    const key = readString();
    metadata[key] = readValue(read(4));
  }
  const tensors = new Map();
  for (let i = 0; i < tensorCount; i++) {
    const name = readString();
    const shape = Array.from({ length: read(4) }, () => read(10));
    tensors.set(name, { size: shape.reduce((a, b) => a * b, 1), type: read(4), offset: read(10) });
  }
  const alignment = metadata['general.alignment'] ?? 32;
  const data = Math.ceil(at / alignment) * alignment;
  const weight = (name) => {
    const { size, type, offset } = tensors.get(name) ?? {};
    if (type === 0) return Float32Array.from({ length: size }, (_, i) => view.getFloat32(data + offset + 4 * i, true));
    if (type === 1)
      return Float32Array.from({ length: size }, (_, i) => half(view.getUint16(data + offset + 2 * i, true)));
    throw new Error(`${name} is of type ${type}, and this engine reads F32 and F16`);
  };
  return { metadata, has: (name) => tensors.has(name), weight };
}

/** The value of an f16's bits. */
function half(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

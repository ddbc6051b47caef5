/** Numbers of a GGUF file's metadata by the number of their type; 8 is a string, 9 an array. */
const NUMBERS = { 0: 'Uint8', 1: 'Int8', 2: 'Uint16', 3: 'Int16', 4: 'Uint32', 5: 'Int32', 6: 'Float32', 7: 'Uint8' };
const WIDE = { 10: 'BigUint64', 11: 'BigInt64', 12: 'Float64' };

/**
 * What a GGUF file holds, of tensors those in F32 and F16.
 * The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @param {ArrayBuffer} buffer the whole file
 */
export function readGguf(buffer) {
  const view = new DataView(buffer);
  let at = 8; // behind the magic and the version
  const take = (bytes) => {
    at += bytes;
    return at - bytes;
  };
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => Number(view.getBigUint64(take(8), true));
  const string = () => {
    const length = u64();
    return new TextDecoder().decode(new Uint8Array(buffer, take(length), length));
  };
  const value = (type) => {
    if (type === 8) return string();
    if (type === 9) {
      const of = u32();
      return Array.from({ length: u64() }, () => value(of));
    }
    const kind = NUMBERS[type] ?? WIDE[type];
    return Number(view[`get${kind}`](take(Number(/\d+/.exec(kind)[0]) / 8), true));
  };
  const [tensors, pairs] = [u64(), u64()];
  const metadata = {};
  for (let i = 0; i < pairs; i++) metadata[string()] = value(u32());
  const infos = Array.from({ length: tensors }, () => {
    const name = string();
    const shape = Array.from({ length: u32() }, u64);
    return { name, size: shape.reduce((product, length) => product * length, 1), type: u32(), offset: u64() };
  });
  const align = metadata['general.alignment'] ?? 32;
  const begin = Math.ceil(at / align) * align;
  const weights = infos.map(({ name, size, type, offset }) => {
    if (type > 1) throw new Error(`${name} is neither F32 nor F16, which is all that this example reads`);
    if (type === 0) return [name, new Float32Array(buffer.slice(begin + offset, begin + offset + 4 * size))];
    const [bits, values] = [new Uint16Array(buffer, begin + offset, size), new Float32Array(size)];
    for (let i = 0; i < size; i++) values[i] = HALVES[bits[i]];
    return [name, values];
  });
  return { metadata, weights: Object.fromEntries(weights) };
}

/** An IEEE half by its bits. */
function half(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14);
}
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));

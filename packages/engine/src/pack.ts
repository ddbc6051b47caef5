import { WEIGHT_TYPES, type WeightType } from './mul-mat.js';

/**
 * How rows of weights lie in GPU memory: quantised as in the file, arranged so that the kernels read aligned vec4u.
 *
 * A block of the file has its scales and quants together, mostly at odd multiples of two bytes. Here 256 weights make a block: a
 * header with the scales of eight chunks, then the quants of the chunks, 32 weights each (shaders/quant/block.wgsl). The bytes
 * are the same but for padding: 6.7 % for Q6_K, none for the others where a row is a multiple of 256.
 */

/** Bytes of one row on the GPU. */
export function packedRowBytes(type: WeightType, columns: number): number {
  const { header, chunk } = WEIGHT_TYPES[type];
  const chunks = Math.ceil(columns / 32);
  return (Math.ceil(chunks / 8) * header + chunks * chunk) * 16;
}

/** Bytes of one row in the file. */
export function rowBytes(type: WeightType, columns: number): number {
  const { elements, bytes } = WEIGHT_TYPES[type];
  return (columns / elements) * bytes;
}

/**
 * Arranges whole rows for the GPU.
 *
 * @param rows rows as the file has them, one after the other.
 * @returns rows of packedRowBytes() each; `rows` itself where nothing has to change (F32, F16 and BF16 with rows of a multiple of 32).
 */
export function packRows(type: WeightType, columns: number, rows: Uint8Array): Uint8Array {
  const from = rowBytes(type, columns);
  const to = packedRowBytes(type, columns);
  const count = rows.length / from;
  const pack = PACKERS[type];
  if (!pack) return from === to ? rows : padRows(rows, count, from, to);

  const aligned = rows.byteOffset % 2 === 0 ? rows : rows.slice();
  const source = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  const target = new Uint32Array((count * to) / 4);
  const { elements, bytes, header, chunk } = WEIGHT_TYPES[type];
  const sourceBlock = ((256 / elements) * bytes) / 2;
  const targetBlock = (header + 8 * chunk) * 4;
  const chunks = columns / 32;
  for (let row = 0; row < count; row++) {
    let s = (row * from) / 2;
    let t = (row * to) / 4;
    for (let left = chunks; left > 0; left -= 8) {
      pack(source, s, target, t, Math.min(left, 8));
      s += sourceBlock;
      t += targetBlock;
    }
  }
  return new Uint8Array(target.buffer);
}

function padRows(rows: Uint8Array, count: number, from: number, to: number): Uint8Array {
  const padded = new Uint8Array(count * to);
  for (let row = 0; row < count; row++) padded.set(rows.subarray(row * from, (row + 1) * from), row * to);
  return padded;
}

/** Packs one block of up to eight chunks. s counts halves of words in the source, t words in the target, which is all zero. */
type Packer = (source: Uint16Array, s: number, target: Uint32Array, t: number, chunks: number) => void;

const PACKERS: Partial<Record<WeightType, Packer>> = {
  Q8_0(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 17) {
      putHalf(target, t, c, source, s);
      for (let i = 0; i < 8; i++) target[t + 4 + c * 8 + i] = word(source, s + 1 + i * 2);
    }
  },
  Q4_0(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 9) {
      putHalf(target, t, c, source, s);
      putWords(target, t + 4 + c * 4, source, s + 1);
    }
  },
  Q4_1(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 10) {
      target[t + c] = word(source, s);
      putWords(target, t + 8 + c * 4, source, s + 2);
    }
  },
  Q5_0(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 11) {
      putHalf(target, t, c, source, s);
      target[t + 4 + c] = spreadBits(word(source, s + 1));
      putWords(target, t + 12 + c * 4, source, s + 3);
    }
  },
  Q5_1(source, s, target, t, chunks) {
    for (let c = 0; c < chunks; c++, s += 12) {
      target[t + c] = word(source, s);
      target[t + 8 + c] = spreadBits(word(source, s + 2));
      putWords(target, t + 16 + c * 4, source, s + 4);
    }
  },
  Q4_K(source, s, target, t) {
    putWords(target, t, source, s); // d, dmin, scales and minima
    for (let pair = 0; pair < 4; pair++) putPair(target, t + 4 + pair * 8, source, s + 8 + pair * 16);
  },
  Q5_K(source, s, target, t) {
    putWords(target, t, source, s);
    for (let i = 0; i < 8; i++) {
      // four bytes of eight bits, a bit for each chunk
      const bits = word(source, s + 8 + i * 2);
      for (let c = 0; c < 8; c++) or(target, t + 4 + c, ((bits >>> c) & 0x01010101) << i);
    }
    for (let pair = 0; pair < 4; pair++) putPair(target, t + 12 + pair * 8, source, s + 24 + pair * 16);
  },
  Q6_K(source, s, target, t) {
    putWords(target, t, source, s + 96); // scales
    target[t + 4] = source[s + 104] as number; // d
    for (let side = 0; side < 2; side++) {
      for (let i = 0; i < 8; i++) {
        // four bytes of four times two bits, two for each chunk of this half of the block
        const bits = word(source, s + 64 + side * 16 + i * 2);
        for (let c = 0; c < 4; c++) {
          or(target, t + 8 + side * 8 + c * 2 + (i >> 2), ((bits >>> (c * 2)) & 0x03030303) << ((i & 3) * 2));
        }
      }
      // chunks 0 and 2 share 32 bytes, and so do 1 and 3
      for (let c = 0; c < 2; c++) {
        const even = t + 24 + (side * 4 + c) * 4;
        putNibbles(target, even, even + 8, source, s + side * 32 + c * 16);
      }
    }
  },
};

function word(source: Uint16Array, s: number): number {
  return (source[s] as number) | ((source[s + 1] as number) << 16);
}

function or(target: Uint32Array, t: number, bits: number): void {
  target[t] = (target[t] as number) | bits;
}

function putWords(target: Uint32Array, t: number, source: Uint16Array, s: number): void {
  for (let i = 0; i < 4; i++) target[t + i] = word(source, s + i * 2);
}

/** The i-th of the halves that begin at word t. */
function putHalf(target: Uint32Array, t: number, i: number, source: Uint16Array, s: number): void {
  or(target, t + (i >> 1), (source[s] as number) << ((i & 1) * 16));
}

/** Two chunks in a row whose nibbles share 32 bytes. */
function putPair(target: Uint32Array, t: number, source: Uint16Array, s: number): void {
  putNibbles(target, t, t + 4, source, s);
}

/**
 * 32 bytes with one chunk in the low nibbles and another in the high become two times 16 bytes, each with the first half of a chunk
 * in the low nibbles and the second half in the high: as Q4_0 has it.
 */
function putNibbles(target: Uint32Array, low: number, high: number, source: Uint16Array, s: number): void {
  for (let i = 0; i < 4; i++) {
    const first = word(source, s + i * 2);
    const second = word(source, s + 8 + i * 2);
    target[low + i] = (first & 0x0f0f0f0f) | ((second & 0x0f0f0f0f) << 4);
    target[high + i] = ((first >>> 4) & 0x0f0f0f0f) | (second & 0xf0f0f0f0);
  }
}

/** 32 bits in a row, four at a time into four bytes: bit 4·i + j becomes bit i of byte j. */
function spreadBits(bits: number): number {
  let spread = 0;
  for (let i = 0; i < 8; i++) {
    const four = (bits >>> (i * 4)) & 15;
    spread |= (Math.imul(four, 0x00204081) & 0x01010101) << i;
  }
  return spread;
}

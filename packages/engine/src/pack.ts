import { BLOCKS_OF_32 } from './packers/blocks-of-32.js';
import { I_QUANTS } from './packers/i-quants.js';
import { K_QUANTS } from './packers/k-quants.js';
import { TERNARY } from './packers/ternary.js';
import type { Packer } from './packers/words.js';
import { WEIGHT_TYPES, type WeightType } from './weight-types.js';

/** Types that are not here lie on the GPU as in the file. */
const PACKERS: Partial<Record<WeightType, Packer>> = { ...BLOCKS_OF_32, ...K_QUANTS, ...I_QUANTS, ...TERNARY };

/**
 * How rows of weights lie in GPU memory: quantised as in the file, arranged so that the kernels read aligned vec4u.
 *
 * A block of the file has its scales and quants together, mostly at odd multiples of two bytes. Here 256 weights make a block: a
 * header with the scales of eight chunks, then the quants of the chunks, 32 weights each (shaders/quant/block.wgsl). The bytes
 * are the same but for padding: up to a fifth for types of two bits and less, 6.7 % for Q6_K, little or none for the others where
 * a row is a multiple of 256.
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
  if (isAsInFile(type, columns)) return rows;
  const packed = new Uint8Array((rows.length / rowBytes(type, columns)) * packedRowBytes(type, columns));
  packInto(type, columns, rows, packed);
  return packed;
}

/** Whether rows lie on the GPU as they do in the file. */
export const isAsInFile = (type: WeightType, columns: number): boolean =>
  !PACKERS[type] && rowBytes(type, columns) === packedRowBytes(type, columns);

/** The same into memory that is all zero, and begins at a word. */
export function packInto(type: WeightType, columns: number, rows: Uint8Array, packed: Uint8Array): void {
  const from = rowBytes(type, columns);
  const to = packedRowBytes(type, columns);
  const count = rows.length / from;
  const pack = PACKERS[type];
  if (!pack) {
    padRows(rows, count, from, to, packed);
    return;
  }

  const { elements, bytes, header, chunk } = WEIGHT_TYPES[type];
  const even = evenBlocks(rows, bytes);
  const aligned = even.byteOffset % 2 === 0 ? even : new Uint8Array(even);
  const source = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  const target = new Uint32Array(packed.buffer, packed.byteOffset, (count * to) / 4);
  const halves = Math.ceil(bytes / 2); // of a block of the file
  const sourceBlock = (256 / elements) * halves;
  const targetBlock = (header + 8 * chunk) * 4;
  const chunks = columns / 32;
  for (let row = 0; row < count; row++) {
    let s = row * (columns / elements) * halves;
    let t = (row * to) / 4;
    for (let left = chunks; left > 0; left -= 8) {
      pack(source, s, target, t, Math.min(left, 8));
      s += sourceBlock;
      t += targetBlock;
    }
  }
}

/** Blocks of an odd number of bytes, which begin with a scale of one byte, get a zero behind it. */
function evenBlocks(rows: Uint8Array, bytes: number): Uint8Array {
  if (bytes % 2 === 0) return rows;
  const even = new Uint8Array((rows.length / bytes) * (bytes + 1));
  for (let from = 0, to = 0; from < rows.length; from += bytes, to += bytes + 1) {
    even[to] = rows[from] as number;
    even.set(rows.subarray(from + 1, from + bytes), to + 2);
  }
  return even;
}

function padRows(rows: Uint8Array, count: number, from: number, to: number, padded: Uint8Array): void {
  for (let row = 0; row < count; row++) padded.set(rows.subarray(row * from, (row + 1) * from), row * to);
}

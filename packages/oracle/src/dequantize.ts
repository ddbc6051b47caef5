import type { Reading } from './block-parts.js';
import { BLOCKS, type QuantizedType } from './blocks.js';

/**
 * One row of weights as numbers.
 *
 * @param bytes the row as the file has it, block after block. @param n how many weights.
 * @param reading how the blocks are misread, to see what a bug makes of them; as the format says where it is left out.
 * @returns the weights in float64, not rounded anywhere.
 * Source: the block layouts in ggml-common.h and what its comments say of each block.
 * @example dequantizeRow('Q8_0', row, 2048)
 */
export function dequantizeRow(type: QuantizedType, bytes: Uint8Array, n: number, reading: Reading = {}): Float64Array {
  const block = BLOCKS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const r = sameShape(reading);
  const weights = new Float64Array(n);
  for (let at = 0, first = 0; first < n; at += block.bytes, first += block.elements) {
    const count = Math.min(block.elements, n - first);
    for (let i = 0; i < count; i++) weights[first + i] = block.weight(view, at, i, r);
  }
  return weights;
}

/** Every reading with the same fields in the same order, so that the engine compiles the loops above once. */
export const sameShape = ({ nibbles, high, excess, minimum, scales, half }: Reading): Reading => ({
  nibbles,
  high,
  excess,
  minimum,
  scales,
  half,
});

/** Whether `dequantizeRow` reads a ggml type. */
export const canDequantize = (type: string): type is QuantizedType => Object.hasOwn(BLOCKS, type);

import { sizeOf } from '../array.js';

/** The strides of an array whose last dimension varies fastest, in values. */
export const cStrides = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(i + 1)));

/** The strides of one whose first dimension does: Fortran's order. */
export const fortranStrides = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(0, i)));

/** Whether values with these strides lie as in C. A dimension of 1 may have any stride. */
export const isC = (shape: readonly number[], strides: readonly number[]): boolean => {
  const wanted = cStrides(shape);
  return shape.every((length, i) => length <= 1 || strides[i] === wanted[i]);
};

/**
 * Values that lie anyhow, in C order.
 *
 * @param bytes in which every value lies that the strides reach
 * @param size of a value, in bytes
 */
export function gather(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array<ArrayBuffer> {
  const count = sizeOf(shape);
  const out = new Uint8Array(new ArrayBuffer(count * size));
  const at = shape.map(() => 0);
  let from = 0;
  for (let index = 0; index < count; index++) {
    for (let byte = 0; byte < size; byte++) out[index * size + byte] = bytes[from * size + byte] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis] = (at[axis] as number) + 1;
      from += strides[axis] as number;
      if ((at[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (at[axis] as number);
      at[axis] = 0;
    }
  }
  return out;
}

/** The same values in the other order of bytes. */
export function swapBytes(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  for (let at = 0; at + size <= bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes;
}

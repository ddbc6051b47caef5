import { basename } from 'node:path';
import type { Source } from '../array.js';
import { DTYPES } from '../dtype.js';
import { PieceFile, type Room } from '../file.js';
import { LONGEST_HEADER, type NpyHeader, npyHeader } from './npy-header.js';
import { fortranStrides, gather, swapBytes } from './strided.js';

/** A `.npy` file: one array, which is called what the file is. @throws DumpError where it is not exactly as long as its header says */
export async function openNpy(path: string): Promise<Source> {
  const file = await PieceFile.open(path);
  try {
    const header = npyHeader(await file.read(0, Math.min(file.bytes, LONGEST_HEADER)), file.bytes, path);
    const read = async (room?: Room) => inOrder(await file.read(header.begin, file.bytes - header.begin, room), header);
    const asTheyAre = !header.isBigEndian && (!header.isFortran || header.shape.length < 2);
    const at = asTheyAre ? { at: { path, offset: header.begin } } : {};
    return {
      format: 'NumPy (.npy)',
      isUnnamed: true,
      path,
      bytes: file.bytes,
      arrays: [{ name: basename(path, '.npy'), shape: header.shape, dtype: header.dtype, read, ...at }],
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Values as every array has them: little-endian, in C order. */
export function inOrder(bytes: Uint8Array<ArrayBuffer>, header: NpyHeader): Uint8Array<ArrayBuffer> {
  const { dtype, shape, isFortran, isBigEndian } = header;
  const size = DTYPES[dtype];
  const little = isBigEndian && size > 1 ? swapBytes(bytes, size) : bytes;
  return isFortran && shape.length > 1 ? gather(little, size, shape, fortranStrides(shape)) : little;
}

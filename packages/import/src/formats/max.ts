import { basename } from 'node:path';
import { type Source, showShape, sizeOf } from '../array.js';
import { DTYPES, type Dtype } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';
import { PieceFile } from '../file.js';

export const MAX_MAGIC = '\x93\xf0\x9f\x94\xa5\x2b\x2b\x93';

/** By MAX's numbers of types. */
const TYPES: Readonly<Record<number, Dtype>> = {
  1: 'BOOL',
  79: 'F16',
  80: 'BF16',
  81: 'F32',
  82: 'F64',
  134: 'U8',
  135: 'I8',
  136: 'U16',
  137: 'I16',
  138: 'U32',
  139: 'I32',
  140: 'U64',
  141: 'I64',
};

const LONGEST = 1 << 16; // bytes of a head: one name, one shape
const HEAD = 24; // bytes before the name's length: magic, version, the head's length

/**
 * A `.max` file, as Modular's MAX writes it where `print` style is BINARY_MAX_CHECKPOINT: the magic, a version, and of one tensor a name, a type, a shape, where it begins.
 *
 * The format: `load_max_buffer` of max/driver/buffer.py. @throws DumpError where it is not exactly as long as it says
 */
export async function openMax(path: string): Promise<Source> {
  const file = await PieceFile.open(path);
  try {
    const bytes = await file.read(0, Math.min(file.bytes, LONGEST));
    const view = new DataView(bytes.buffer);
    const need = (at: number, length: number): number => {
      if (at + length <= bytes.length) return at;
      throw damaged(path, `its head is to reach to byte ${at + length}, and ${file.bytes} are there`);
    };
    const version = view.getUint32(need(8, 4), true);
    if (version !== 0) throw unsupported(path, `is .max of version ${version}`, 'Read is version 0.');
    const head = Number(view.getBigUint64(need(16, 8), true));
    const key = view.getUint32(need(HEAD, 4), true);
    const at = HEAD + 4 + key;
    const [type, rank] = [view.getUint8(need(at, 2)), view.getUint8(at + 1)];
    const shape = Array.from({ length: rank }, (_, i) => view.getUint32(need(at + 2 + 4 * i, 4), true));
    const begin = Number(view.getBigUint64(need(at + 2 + 4 * rank, 8), true));
    if (head !== 4 + key + 2 + 4 * rank + 8) {
      throw unsupported(path, 'has more than one tensor', 'Write one a file, as MAX does by itself.');
    }
    const dtype = TYPES[type];
    if (!dtype) {
      const wanted = Object.values(TYPES).join(', ');
      throw unsupported(path, `its values are of MAX's type ${type}; read are ${wanted}`, 'Cast it to float32.');
    }
    const length = sizeOf(shape) * DTYPES[dtype];
    if (!(begin >= HEAD + head && begin + length <= file.bytes)) {
      throw damaged(path, `${dtype} ${showShape(shape)} is to be at ${begin}, and ${file.bytes} bytes are there`);
    }
    return {
      format: "MAX's checkpoints (.max)",
      isUnnamed: true,
      path,
      bytes: file.bytes,
      arrays: [{ name: basename(path, '.max'), shape, dtype, read: () => file.read(begin, length) }],
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

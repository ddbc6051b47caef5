import { showShape, sizeOf } from '../array.js';
import { DTYPES, type Dtype } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';

export const NPY_MAGIC = '\x93NUMPY';

/** No header of an array without fields is longer; NumPy's own reader refuses longer ones, too. */
export const LONGEST_HEADER = 10_000;

export interface NpyHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly isFortran: boolean;
  readonly isBigEndian: boolean;
  /** Where the values begin. */
  readonly begin: number;
}

const TYPES: Readonly<Record<string, Dtype>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  u8: 'U64',
  i4: 'I32',
  u4: 'U32',
  i2: 'I16',
  u2: 'U16',
  i1: 'I8',
  u1: 'U8',
  b1: 'BOOL',
  // What ml_dtypes' bfloat16 is saved as: two bytes that NumPy knows nothing of.
  V2: 'BF16',
};

/**
 * The head of a `.npy` file: the magic, a version, a length, a Python dict as text.
 * The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @param head the first bytes, LONGEST_HEADER of them where there are so many
 * @param bytes of the whole file, which must be exactly those that the header says
 * @throws DumpError
 */
export function npyHeader(head: Uint8Array, bytes: number, path: string): NpyHeader {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const latin = new TextDecoder('latin1');
  if (head.length < 12 || latin.decode(head.subarray(0, 6)) !== NPY_MAGIC) throw damaged(path, 'is no .npy file');
  const version = head[6] as number;
  if (version < 1 || version > 3) throw unsupported(path, `is .npy of version ${version}`, 'Read are 1 to 3.');
  const first = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const begin = first + length;
  if (begin > bytes || begin > LONGEST_HEADER) {
    throw damaged(path, `its header is to have ${length} bytes, and the file has ${bytes}`);
  }
  const text = latin.decode(head.subarray(first, begin));
  const descr = /'descr':\s*'([<>|=]?)(\w+)'/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text);
  const dims = /'shape':\s*\(([\d,\s]*)\)/.exec(text);
  if (!order || !dims) throw damaged(path, `its header is ${JSON.stringify(text.slice(0, 80))}`);
  const dtype = TYPES[descr?.[2] ?? ''];
  if (!descr || !dtype) {
    const found = descr ? `of type ${descr[2]}` : 'of several fields, or of objects';
    throw unsupported(
      path,
      `its values are ${found}; read are ${Object.keys(TYPES).join(', ')}`,
      'Save it as float32.',
    );
  }
  const shape = [...(dims[1] ?? '').matchAll(/\d+/g)].map(Number);
  const wanted = sizeOf(shape) * DTYPES[dtype];
  if (wanted !== bytes - begin) {
    throw damaged(path, `${dtype} ${showShape(shape)} is ${wanted} bytes, and there are ${bytes - begin}`);
  }
  return { dtype, shape, isFortran: order[1] === 'True', isBigEndian: descr[1] === '>', begin };
}

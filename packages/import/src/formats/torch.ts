import { basename } from 'node:path';
import { DumpError, lookUp } from '@llama-probe/dump';
import { type ForeignArray, type Source, showShape, sizeOf } from '../array.js';
import { DTYPES, type Dtype } from '../dtype.js';
import { damaged, unsupported } from '../errors.js';
import { Call, Global, Persistent, PickleError, readPickle } from './pickle.js';
import { gather, isC } from './strided.js';
import type { ZipEntries } from './zip.js';

const LARGEST_PICKLE = 4 << 20; // bytes; the values are not in it, and what it makes takes many times as much memory

const STORAGES: Readonly<Record<string, Dtype>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
};

const TENSOR = 'torch._utils._rebuild_tensor_v2';
const PARAMETER = 'torch._utils._rebuild_parameter';

/** The pickle of a zip that PyTorch wrote; undefined where it is another zip. */
export const torchPickle = (zip: ZipEntries): string | undefined =>
  [...zip.entries.keys()].find((name) => name === 'data.pkl' || name.endsWith('/data.pkl'));

/** What `torch.save` writes of a tensor, or of dicts and lists of tensors. The pickle is read as data, and nothing in it is run. */
export async function openTorch(zip: ZipEntries, pickle: string): Promise<Source> {
  const { path, bytes } = zip;
  const folder = pickle.slice(0, -'data.pkl'.length);
  if ((zip.sizeOf(pickle) ?? 0) > LARGEST_PICKLE) {
    throw unsupported(path, `its ${pickle} has ${zip.sizeOf(pickle)} bytes`, 'Save a dict of tensors only.');
  }
  const order = zip.sizeOf(`${folder}byteorder`)
    ? Buffer.from(await zip.read(`${folder}byteorder`)).toString()
    : 'little';
  if (order !== 'little') throw unsupported(path, `is ${order}-endian`, 'Save it on a little-endian machine.');
  try {
    const arrays: ForeignArray[] = [];
    const others: string[] = [];
    const saved = readPickle(await zip.read(pickle));
    collect(saved, basename(path).replace(/\.\w+$/, ''), '', {
      zip,
      folder,
      arrays,
      others,
    });
    return {
      format: 'PyTorch',
      isUnnamed: saved instanceof Call,
      path,
      bytes,
      arrays,
      notes: others.length > 0 ? [`left out, since they are no tensors: ${others.slice(0, 12).join(', ')}`] : [],
      close: () => zip.close(),
    };
  } catch (error) {
    if (error instanceof PickleError) {
      const remedy = 'Save a dict of tensors: torch.save({name: tensor.detach().cpu() for …}, file).';
      throw unsupported(path, `its pickle is not of tensors alone: ${error.message}`, remedy);
    }
    throw error instanceof RangeError ? damaged(path, `its pickle cannot be read (${error.message})`) : error;
  }
}

interface Collected {
  readonly zip: ZipEntries;
  readonly folder: string;
  readonly arrays: ForeignArray[];
  readonly others: string[];
}

const DEEPEST = 16;

/** Every tensor of a dict or list, under the keys that lead to it. */
function collect(value: unknown, file: string, name: string, to: Collected, depth = 0): void {
  if (depth > DEEPEST) throw new PickleError('its dicts are too deep, or in a circle');
  const at = (key: unknown) => (name === '' ? String(key) : `${name}.${String(key)}`);
  if (value instanceof Call) to.arrays.push(tensorOf(value, name || file, to));
  else if (value instanceof Map) for (const [key, item] of value) collect(item, file, at(key), to, depth + 1);
  else if (Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger))
    to.arrays.push(idsOf(value, name || file));
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) collect(item, file, at(i), to, depth + 1);
  else if (value instanceof Global || value instanceof Persistent)
    throw new PickleError(`it has ${nameOf(value)} in place of a tensor`);
  else to.others.push(name);
}

/** A list of whole numbers, such as token ids. */
function idsOf(value: readonly number[], name: string): ForeignArray {
  const read = async () => new Uint8Array(BigInt64Array.from(value, BigInt).buffer);
  return { name, dtype: 'I64', shape: [value.length], read };
}

const nameOf = (value: unknown): string => (value instanceof Global ? value.name : typeof value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);

function tensorOf(call: Call, name: string, { zip, folder }: Collected): ForeignArray {
  if (call.of.name === PARAMETER && call.args[0] instanceof Call)
    return tensorOf(call.args[0], name, { zip, folder, arrays: [], others: [] });
  if (call.of.name !== TENSOR) throw new PickleError(`${name} is made by ${call.of.name}`);
  const [storage, offset, shape, strides] = call.args;
  const id = storage instanceof Persistent && Array.isArray(storage.id) ? storage.id : [];
  const [kind, type, key, , count] = id as unknown[];
  const dtype = type instanceof Global ? lookUp(STORAGES, type.name) : undefined;
  if (kind !== 'storage' || !dtype) {
    throw new PickleError(`${name} is of ${nameOf(type)}; read are ${Object.keys(STORAGES).join(', ')}`);
  }
  if (!isCounts(shape) || !isCounts(strides) || shape.length !== strides.length || !isCounts([offset, count])) {
    throw damaged(zip.path, `${name} has no shape and strides that fit together`);
  }
  const entry = `${folder}data/${String(key)}`;
  const size = DTYPES[dtype];
  const first = offset as number;
  const isEmpty = shape.includes(0);
  const end = isEmpty
    ? first
    : first + 1 + shape.reduce((sum, length, i) => sum + (length - 1) * (strides[i] as number), 0);
  const there = zip.sizeOf(entry);
  if (there === undefined) throw damaged(zip.path, `${name} is in ${entry}, which it does not have`);
  if (there !== (count as number) * size || end > (count as number)) {
    throw damaged(
      zip.path,
      `${name}, ${dtype} ${showShape(shape)}, reaches to value ${end}, and ${entry} has ${there} bytes`,
    );
  }
  // A dimension of stride 0 repeats one value: memory for it would be a file's to ask for.
  if (sizeOf(shape) > Math.max(count as number, 1 << 20)) {
    throw new DumpError(
      'dump-shape',
      `${zip.path}: ${name} repeats ${count} values to ${showShape(shape)}. Save what was not expanded.`,
    );
  }
  const read = async () => {
    const bytes = await zip.read(entry, first * size, end * size);
    return isC(shape, strides) ? bytes : gather(bytes, size, shape, strides);
  };
  return { name, dtype, shape, read };
}

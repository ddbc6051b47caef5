import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@llama-probe/comparison/ask';
import { type GgufFile, numberOfType, openGguf } from '@llama-probe/engine';
import { type Dtype, type ForeignArray, openWeights, toFloats } from '@llama-probe/import';
import type { GgmlWeights } from '@llama-probe/reference';
import { ggufRows, inFile, type Matrix } from './matrix.js';
import { ggufName, isHuggingFace } from './names.js';
import { stacked } from './views.js';

/** The weights that a model's are held to, under the model's names. */
export interface Other {
  readonly file: string;
  readonly format: string;
  readonly count: number;
  readonly isGguf: boolean;
  readonly isHuggingFace: boolean;
  readonly tensors: ReadonlyMap<string, OtherTensor>;
  /** What the model has no tensor for. */
  readonly extra: readonly string[];
  close(): Promise<void>;
}

export interface OtherTensor {
  readonly names: readonly string[];
  readonly shape: readonly number[];
  readonly matrix: Matrix;
}

/** @throws ModelError, DumpError where it is nothing that has weights */
export async function openOther(path: string, model: GgufFile, ggml: GgmlWeights): Promise<Other> {
  await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'no such file or folder' : `cannot be read (${cause.code})`;
    const wanted =
      'Give a GGUF file, a .safetensors file, or a folder of .safetensors, .npy or .f32 files, or of one GGUF model.';
    throw new UsageError(`--against: ${path}: ${what}. ${wanted}`);
  });
  const file = (await ggufIn(path)) ?? path;
  return (await isGguf(file)) ? openOtherGguf(file, model, ggml) : openArrays(path, model, ggml);
}

/** The GGUF file of a folder that has one model in that format, split or not, and no arrays beside it. */
async function ggufIn(path: string): Promise<string | undefined> {
  const names = await readdir(path).catch(() => []); // it is no folder
  const files = names.filter((name) => name.endsWith('.gguf')).sort();
  if (files.length === 0 || names.some((name) => /\.(safetensors|npy|f32|raw)$/.test(name))) return undefined;
  const models = new Set(files.map((name) => name.replace(/-\d{5}(-of-\d{5}\.gguf)$/, '$1')));
  if (models.size === 1) return join(path, files[0] as string);
  throw new UsageError(
    `--against: ${path}: has ${models.size} models in GGUF files, such as ${files[0]} and ${files.at(-1)}. Give the file of one.`,
  );
}

async function isGguf(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false; // a folder, or nothing: whoever opens it says so
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'GGUF';
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

async function openOtherGguf(path: string, model: GgufFile, ggml: GgmlWeights): Promise<Other> {
  const gguf = await openGguf(path);
  const readable = [...gguf.tensors.values()].filter(({ type }) => ggml.types.get(numberOfType(type.name))?.reads);
  const entries = readable.map((tensor): [string, OtherTensor] => [
    tensor.name,
    { names: [tensor.name], shape: tensor.shape, matrix: inFile(ggml, ggufRows(tensor)) },
  ]);
  return {
    file: path,
    format: 'GGUF',
    count: gguf.tensors.size,
    isGguf: true,
    isHuggingFace: false,
    tensors: new Map(entries.filter(([name]) => model.tensors.has(name))),
    extra: [...gguf.tensors.keys()].filter((name) => !model.tensors.has(name)),
    close: async () => {},
  };
}

async function openArrays(path: string, model: GgufFile, ggml: GgmlWeights): Promise<Other> {
  const source = await openWeights(path);
  const found = new Map<string, Array<{ array: ForeignArray; expert: number }>>();
  const extra: string[] = [];
  for (const array of source.arrays) {
    const named = ggufName(array.name, (name) => model.tensors.has(name));
    if (named === 'computed') continue;
    if (named && model.tensors.has(named.name)) {
      found.set(named.name, [...(found.get(named.name) ?? []), { array, expert: named.expert ?? 0 }]);
    } else extra.push(array.name);
  }
  const tensors = new Map<string, OtherTensor>();
  for (const [name, parts] of found) {
    const arrays = parts.sort((a, b) => a.expert - b.expert).map(({ array }) => array);
    const shape = (arrays[0] as ForeignArray).shape;
    const shapeOfAll = arrays.length > 1 ? [arrays.length, ...shape] : shape;
    const ours = model.tensors.get(name)?.shape ?? [];
    const matrices = arrays.map((array) => matrixOfArray(array, ours, ggml));
    const isAlike = matrices.every(
      ({ rows, columns }) => rows === matrices[0]?.rows && columns === matrices[0]?.columns,
    );
    if (!isAlike) extra.push(...arrays.map((array) => array.name));
    else {
      const [first] = matrices as [Matrix];
      const matrix = matrices.length > 1 ? stacked(matrices) : first;
      tensors.set(name, { names: arrays.map((array) => array.name), shape: shapeOfAll, matrix });
    }
  }
  return {
    file: path,
    format: source.format,
    count: source.arrays.length,
    isGguf: false,
    isHuggingFace: isHuggingFace(source.arrays.map(({ name }) => name)),
    tensors,
    extra,
    close: () => source.close(),
  };
}

/** What ggml reads as it is. */
const AS_GGML: Partial<Record<Dtype, number>> = { F32: 0, F16: 1, BF16: 30 };

/** An array as rows. Where it has one dimension only, such as values without any header, the model says how long a row is. */
function matrixOfArray(array: ForeignArray, ours: readonly number[], ggml: GgmlWeights): Matrix {
  const count = array.shape.reduce((product, length) => product * length, 1);
  const isFlat = array.shape.length < 2 && count === ours.reduce((product, length) => product * length, 1);
  const columns = (isFlat ? ours[0] : array.shape.at(-1)) ?? 1;
  const rows = columns === 0 ? 0 : count / columns;
  const type = AS_GGML[array.dtype];
  if (array.at && type !== undefined) {
    const rowBytes = columns * (array.dtype === 'F32' ? 4 : 2);
    return inFile(ggml, { ...array.at, type, typeName: array.dtype, rows, columns, rowBytes });
  }
  let values: Promise<Float32Array> | undefined;
  return {
    ...{ type: array.dtype, rows, columns },
    async read(firstRow, many) {
      values ??= array.read().then((bytes) => toFloats(bytes, array.dtype));
      return (await values).slice(firstRow * columns, (firstRow + many) * columns);
    },
  };
}

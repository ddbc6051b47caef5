import { createHash } from 'node:crypto';
import { type Dequantizer, isWeightType, type TensorFiles, type TensorInfo } from '@llama-probe/engine';
import type { GgmlWeights } from '@llama-probe/reference';
import { BitsCount } from './bits.js';
import { matrixOf } from './gguf-matrix.js';
import { loadedAhead, piecesOf, type Turns } from './pieces.js';
import type { TensorReport } from './report.js';
import { StatisticsSums } from './statistics.js';

/** The files, and who reads them. */
export interface Readers {
  readonly files: TensorFiles;
  readonly engine: Dequantizer;
  readonly ggml: GgmlWeights;
  readonly memory: Readonly<Record<'file' | 'engine' | 'ggml', Turns>>;
}

/**
 * One tensor by the engine's kernels and by ggml, in pieces.
 *
 * @param values how many of the first values are wanted @param onBytes is told of each piece
 */
export async function checkTensor(
  readers: Readers,
  tensor: TensorInfo,
  values: number,
  onBytes: (bytes: number) => void,
): Promise<TensorReport> {
  const { rows, columns, rowBytes, type } = matrixOf(tensor);
  const reads = readers.ggml.types.get(type)?.reads ?? false;
  const { most, why } = computable(readers.engine, tensor, columns, reads);
  const hash = createHash('sha256');
  const sums = new StatisticsSums(columns, tensor.type.elements);
  const bits = new BitsCount(columns);
  const first = { ggml: [] as number[], engine: [] as number[] };
  const pieces = piecesOf(rows, columns, most || undefined);
  const { memory } = readers;
  const load = async (piece: (typeof pieces)[number]) => {
    const bytes = memory.file.bytes(piece.rows * rowBytes);
    const before = piece.firstRow * rowBytes;
    await readers.files.read(tensor, bytes, before);
    const count = piece.rows * columns;
    const { path, offset } = tensor;
    const at = { path, offset: offset + before, type, columns, rows: piece.rows };
    const name = tensor.type.name;
    const [ggml, engine] = await Promise.all([
      reads ? readers.ggml.rows(at, memory.ggml.floats(count)) : undefined,
      most > 0 && isWeightType(name)
        ? readers.engine.rows(name, columns, bytes, memory.engine.floats(count))
        : undefined,
    ]);
    return { bytes, ggml, engine };
  };
  for await (const [{ firstRow }, { bytes, ggml, engine }] of loadedAhead(pieces, load)) {
    hash.update(bytes);
    if (ggml) {
      sums.add(ggml, firstRow);
      keep(first.ggml, ggml, values);
      if (engine) {
        bits.add(engine, ggml, firstRow);
        keep(first.engine, engine, values);
      }
    }
    onBytes(bytes.length);
  }
  const compared = most > 0 ? bits.result() : null;
  return {
    name: tensor.name,
    type: tensor.type.name,
    shape: tensor.shape,
    bytes: tensor.bytes,
    hash: hash.digest('hex'),
    engine: compared ? (compared.differing > 0 ? 'differs' : 'equal') : 'not-computed',
    ...(why ? { why } : {}),
    statistics: reads ? sums.result() : null,
    bits: compared,
    ...(values > 0 && reads ? { values: { ggml: first.ggml, engine: compared ? first.engine : null } } : {}),
  };
}

/** How many rows the engine takes at a time; 0, and why, where it takes none. */
function computable(
  engine: Dequantizer,
  { type }: TensorInfo,
  columns: number,
  reads: boolean,
): { most: number; why?: string } {
  if (!reads) return { most: 0, why: `ggml makes no numbers of ${type.name}` };
  if (!isWeightType(type.name)) return { most: 0, why: `the engine has no kernel for ${type.name}` };
  const most = engine.most(type.name, columns);
  return most > 0 ? { most } : { most, why: `a row of ${columns} does not fit the adapter` };
}

function keep(into: number[], values: Float32Array, wanted: number): void {
  if (into.length < wanted) into.push(...values.subarray(0, wanted - into.length));
}

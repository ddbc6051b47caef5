import type { TensorInfo } from '@llama-probe/engine';
import type { GgmlWeights } from '@llama-probe/reference';
import { matrixOf } from '../gguf-matrix.js';

/** Weights that are read by rows, whatever they lie in. */
export interface Matrix {
  /** As ggml or safetensors calls it. */
  readonly type: string;
  readonly rows: number;
  readonly columns: number;
  /**
   * @param into where they may be put, to spare memory
   * @returns (rows, columns)
   */
  read(firstRow: number, rows: number, into?: Float32Array): Promise<Float32Array>;
  /** The same rows when a ggml type, by its number, has held them; undefined where that cannot be made. */
  through?(type: number, firstRow: number, rows: number): Promise<Float32Array>;
}

/** Rows that lie in a file one after the other, in a type that ggml reads. */
export interface RowsInFile {
  readonly path: string;
  readonly offset: number;
  readonly type: number;
  readonly typeName: string;
  readonly rows: number;
  readonly columns: number;
  readonly rowBytes: number;
}

export function inFile(ggml: GgmlWeights, at: RowsInFile): Matrix {
  const { path, type, columns, rowBytes } = at;
  const piece = (firstRow: number, rows: number) => ({
    ...{ path, type, columns, rows },
    offset: at.offset + firstRow * rowBytes,
  });
  return {
    type: at.typeName,
    rows: at.rows,
    columns,
    read: (firstRow, rows, into) => ggml.rows(piece(firstRow, rows), into),
    through: (through, firstRow, rows) => ggml.rows({ ...piece(firstRow, rows), through }),
  };
}

/** A tensor of a GGUF file. */
export function ggufRows(tensor: TensorInfo): RowsInFile {
  const { rows, columns, rowBytes, type } = matrixOf(tensor);
  const { path, offset } = tensor;
  return { path, offset, type, typeName: tensor.type.name, rows, columns, rowBytes };
}

/** Values in memory. */
export const inMemory = (type: string, rows: number, columns: number, values: Float32Array): Matrix => ({
  ...{ type, rows, columns },
  read: async (firstRow, count) => values.slice(firstRow * columns, (firstRow + count) * columns),
});

import koffi from 'koffi';
import type { TensorTable } from '../blocks/tensor-table.js';
import { QuantizeError } from '../errors.js';
import type { Pointer } from '../library/library.js';
import { ImportanceData } from '../library/structs.js';
import type { Importances } from './imatrix.js';

/** llama.cpp's importance matrix in memory: `free` it when llama.cpp has returned. */
export interface Importance {
  address: Pointer;
  free(): void;
}

/** What llama.cpp is told of a matrix. */
export interface MatrixImportance {
  readonly name: string;
  /** How many importances llama.cpp wants: columns, times experts. */
  readonly columns: number;
  /** Without them every column is as important as the others. */
  readonly values?: Float32Array | undefined;
}

/**
 * What llama.cpp is told of a model's matrices when it makes a type of it.
 *
 * @param given those that were measured on text. Of what they have nothing of, every column is taken for as important as the others where llama.cpp
 * makes the type (three bits and less) only with an importance matrix. What it makes so is as good to compare with as any, since both sides read the
 * same file; as a model it is worse. For other types llama.cpp does without.
 * @throws QuantizeError `imatrix-model` where they are of another model
 */
export function importancesFor(
  { tensors }: Pick<TensorTable, 'tensors'>,
  isWanted: boolean,
  given?: { readonly path: string; readonly importances: Importances },
): MatrixImportance[] {
  const matrices = tensors.flatMap(({ name, shape: [columns = 1, rows = 1, experts = 1] }) =>
    rows > 1 ? [{ name, columns: columns * experts, values: given?.importances.get(name) }] : [],
  );
  if (given) checkModel(matrices, given.path, given.importances);
  return matrices.flatMap((matrix) => {
    const isMeasured = matrix.values?.length === matrix.columns;
    if (isMeasured) return [matrix];
    return isWanted ? [{ ...matrix, values: undefined }] : [];
  });
}

/** llama.cpp does without importances of this one that do not fit (src/llama-quant.cpp, "tok_embd should be ignored"). */
const IGNORED = 'token_embd.weight';

function checkModel(matrices: readonly MatrixImportance[], path: string, importances: Importances): void {
  if (matrices.every(({ values }) => values === undefined)) {
    const [first] = importances.keys();
    throw new QuantizeError(
      'imatrix-model',
      `--imatrix: ${path} has importances of ${importances.size} matrices (${first}, …), none of which the model has (${matrices[0]?.name}, …). Give the one that was made with this model.`,
    );
  }
  const wrong = matrices.find(({ name, columns, values }) => values && values.length !== columns && name !== IGNORED);
  if (wrong) {
    throw new QuantizeError(
      'imatrix-model',
      `--imatrix: ${path} has ${wrong.values?.length} importances of ${wrong.name}, and the model's has ${wrong.columns} columns (of all experts): it was made with another model. Give the one that was made with this model.`,
    );
  }
}

/** @returns the matrix as llama.cpp takes it */
export function importanceData(matrices: readonly MatrixImportance[]): Importance {
  const owned: Pointer[] = [];
  const own = (type: string, length: number): Pointer => {
    const address = koffi.alloc(type, length) as Pointer;
    owned.push(address);
    return address;
  };
  const floats = (values: Float32Array): Pointer => {
    const address = own('float', values.length);
    koffi.encode(address, koffi.array('float', values.length), values);
    return address;
  };
  const most = Math.max(1, ...matrices.map(({ columns }) => columns));
  const ones = floats(new Float32Array(most).fill(1));
  const bytes = koffi.sizeof(ImportanceData);
  const table = own('uint8', (matrices.length + 1) * bytes);
  for (const [i, { name, columns, values }] of matrices.entries()) {
    const text = own('char', name.length + 1);
    koffi.encode(text, koffi.array('char', name.length + 1), name);
    const data = values ? floats(values) : ones;
    koffi.encode(table, i * bytes, ImportanceData, { name: text, data, size: columns });
  }
  koffi.encode(table, matrices.length * bytes, ImportanceData, { name: null, data: null, size: 0 });
  return {
    address: table,
    free: () => {
      for (const address of owned) koffi.free(address);
    },
  };
}

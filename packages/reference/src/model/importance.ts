import koffi from 'koffi';
import type { TensorTable } from '../blocks/tensor-table.js';
import type { Pointer } from '../library/library.js';
import { ImportanceData } from '../library/structs.js';

/** llama.cpp's importance matrix in memory: `free` it when llama.cpp has returned. */
export interface Importance {
  address: Pointer;
  free(): void;
}

/**
 * An importance matrix that says of every column of every matrix that it is as important as the others.
 *
 * llama.cpp makes types of three bits and less only with one. What it makes with this one is as good to compare with as any, since both
 * sides read the same file; as a model it is worse than with a matrix that was measured on text.
 */
export function evenImportance(model: Pick<TensorTable, 'tensors'>): Importance {
  const matrices = matricesOf(model);
  const most = Math.max(1, ...matrices.map(({ columns }) => columns));
  const owned: Pointer[] = [];
  const own = (type: string, length: number): Pointer => {
    const address = koffi.alloc(type, length) as Pointer;
    owned.push(address);
    return address;
  };
  const ones = own('float', most);
  koffi.encode(ones, koffi.array('float', most), new Float32Array(most).fill(1));
  const bytes = koffi.sizeof(ImportanceData);
  const table = own('uint8', (matrices.length + 1) * bytes);
  for (const [i, { name, columns }] of matrices.entries()) {
    const text = own('char', name.length + 1);
    koffi.encode(text, koffi.array('char', name.length + 1), name);
    koffi.encode(table, i * bytes, ImportanceData, { name: text, data: ones, size: columns });
  }
  koffi.encode(table, matrices.length * bytes, ImportanceData, { name: null, data: null, size: 0 });
  return {
    address: table,
    free: () => {
      for (const address of owned) koffi.free(address);
    },
  };
}

/** A model's matrices, and for each how many importances llama.cpp wants: columns, times experts. */
function matricesOf({ tensors }: Pick<TensorTable, 'tensors'>): { name: string; columns: number }[] {
  return tensors.flatMap(({ name, shape: [columns = 1, rows = 1, experts = 1] }) =>
    rows > 1 ? [{ name, columns: columns * experts }] : [],
  );
}

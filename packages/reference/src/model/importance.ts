import koffi from 'koffi';
import { ModelError } from '../errors.js';
import type { LlamaLibrary, Pointer } from '../library/library.js';
import { GgmlTensor, ImportanceData } from '../library/structs.js';

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
 *
 * @throws ModelError `model-unloadable`
 */
export function evenImportance(library: LlamaLibrary, path: string): Importance {
  const matrices = matricesOf(library, path);
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

/** The names of a file's matrices, and for each how many importances llama.cpp wants: columns, times experts. */
function matricesOf(library: LlamaLibrary, path: string): { name: string; columns: number }[] {
  const context = new BigUint64Array(1);
  const gguf = library.gguf_init_from_file(path, { no_alloc: true, ctx: context });
  if (!gguf) throw new ModelError('model-unloadable', `${path}: llama.cpp cannot read this GGUF file. It says:\n{log}`);
  try {
    const matrices: { name: string; columns: number }[] = [];
    let at = library.ggml_get_first_tensor(context[0]);
    for (; at; at = library.ggml_get_next_tensor(context[0], at)) {
      const { name, ne } = koffi.decode(at, GgmlTensor) as { name: string; ne: ArrayLike<number | bigint> };
      const [columns, rows, experts] = Array.from(ne, Number) as [number, number, number];
      if (rows > 1) matrices.push({ name, columns: columns * experts });
    }
    return matrices;
  } finally {
    library.ggml_free(context[0]);
    library.gguf_free(gguf);
  }
}

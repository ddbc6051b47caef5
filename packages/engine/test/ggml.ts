import koffi from 'koffi';
import { libraryDirectory, libraryFiles } from '../../reference/src/library/locate.js';
import type { WeightType } from '../src/products/mul-mat.js';

const base = koffi.load(libraryFiles(libraryDirectory()).base);

/** The functions of ggml-quants.c have the type's name in small letters, but for the K; the two of halves are ggml's own. */
const functionOf = (type: WeightType): string => {
  if (type === 'F16') return 'ggml_fp16_to_fp32_row';
  if (type === 'BF16') return 'ggml_bf16_to_fp32_row';
  return `dequantize_row_${type.toLowerCase().replace(/_k$/, '_K')}`;
};

/** Rows dequantised by ggml's own function for the type. */
export function ggmlRow(type: WeightType, bytes: Uint8Array, n: number): Float32Array {
  const row = new Float32Array(n);
  if (type === 'F32') row.set(new Float32Array(bytes.slice().buffer));
  else base.func(functionOf(type), 'void', ['void *', 'void *', 'int64'])(bytes, row, n);
  return row;
}

import { numberOfType, type TensorInfo } from '@llama-probe/engine';

/** A tensor of a GGUF file as rows: what has three dimensions, such as experts, is one matrix below the other. */
export interface GgufMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly rowBytes: number;
  /** ggml's number. */
  readonly type: number;
}

export function matrixOf({ shape, bytes, type }: TensorInfo): GgufMatrix {
  const columns = shape[0] ?? 1;
  const rows = shape.slice(1).reduce((product, length) => product * length, 1);
  return { rows, columns, rowBytes: bytes / rows, type: numberOfType(type.name) };
}

import { type FileHandle, open } from 'node:fs/promises';
import {
  type Broken,
  type Checked,
  checkAttentionFirst,
  type FirstRows,
  type Heads,
  Invariants,
} from '@llama-probe/diff';
import type { GgufFile, TensorInfo } from '@llama-probe/engine';
import { canDequantize, dequantizeRow, type QuantizedType } from '@llama-probe/oracle';

/** What holds by itself of each side, whatever the other one says. */
export interface Checks {
  readonly candidate: Checked;
  readonly reference: Checked;
}

export function sideInvariants(architecture: unknown, heads: Heads): Invariants {
  return new Invariants({ architecture: typeof architecture === 'string' ? architecture : undefined, ...heads });
}

/** Adds what another check has found. */
export function merge(a: Checked, b: Checked): Checked {
  const checked = { ...a.checked };
  for (const [name, rows] of Object.entries(b.checked)) checked[name as keyof typeof checked] += rows;
  return { broken: [...a.broken, ...b.broken].sort((x, y) => x.step - y.step || x.order - y.order), checked };
}

/** At the first token attn_out is Wo · V[0]: the product is computed in f64 from the file's weights. */
export async function checkFirstAttention(file: GgufFile, rows: readonly FirstRows[], heads: Heads): Promise<Checked> {
  const none = new Invariants({}).result();
  const { heads: query, headsKv } = heads;
  if (query === undefined || headsKv === undefined) return none;
  const handle = await open(file.path);
  try {
    const broken: Broken[] = [];
    let checked = 0;
    for (const first of rows) {
      const weight = file.tensors.get(`blk.${first.layer}.attn_output.weight`);
      if (!weight || !canDequantize(weight.type.name) || file.tensors.has(`blk.${first.layer}.attn_output.bias`))
        continue;
      const matrix = await readMatrix(handle, weight);
      const found = checkAttentionFirst(first, (x) => product(matrix, x), { heads: query, headsKv });
      if (found) broken.push(found);
      checked++;
    }
    return { broken, checked: { ...none.checked, 'attention-first': checked } };
  } finally {
    await handle.close();
  }
}

interface Matrix {
  readonly type: QuantizedType;
  readonly bytes: Uint8Array;
  readonly inputs: number;
  readonly outputs: number;
}

async function readMatrix(file: FileHandle, { type, shape, offset, bytes }: TensorInfo): Promise<Matrix> {
  const buffer = new Uint8Array(bytes);
  await file.read(buffer, 0, bytes, offset);
  return { type: type.name as QuantizedType, bytes: buffer, inputs: shape[0] as number, outputs: shape[1] as number };
}

function product({ type, bytes, inputs, outputs }: Matrix, x: Float64Array): Float64Array {
  const rowBytes = bytes.byteLength / outputs;
  return Float64Array.from({ length: outputs }, (_, i) => {
    const weights = dequantizeRow(type, bytes.subarray(i * rowBytes, (i + 1) * rowBytes), inputs);
    let sum = 0;
    for (let j = 0; j < inputs; j++) sum += (weights[j] as number) * (x[j] as number);
    return sum;
  });
}

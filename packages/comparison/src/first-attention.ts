import {
  type Broken,
  type Checked,
  checkAttentionFirst,
  type FirstRows,
  type Heads,
  Invariants,
} from '@llama-probe/diff';
import type { GgufFile } from '@llama-probe/engine';
import { type CaseWeight, dequantizeRow } from '@llama-probe/oracle';
import { readWeight } from './diagnosis/case-model.js';

/** At the first token attn_out is Wo · V[0]: the product is computed in f64 from the file's weights. */
export function checkFirstAttention(file: GgufFile, rows: readonly FirstRows[], { heads, headsKv }: Heads): Checked {
  const none = new Invariants({}).result();
  if (heads === undefined || headsKv === undefined) return none;
  const broken: Broken[] = [];
  let checked = 0;
  for (const first of rows) {
    const weight = readWeight(file, `blk.${first.layer}.attn_output.weight`);
    if (!weight || file.tensors.has(`blk.${first.layer}.attn_output.bias`)) continue;
    const fits = weight.rows === first.attnOut.length && weight.columns === (first.v.length / headsKv) * heads;
    if (!fits) continue;
    const found = checkAttentionFirst(first, (x) => product(weight, x), { heads, headsKv });
    if (found) broken.push(found);
    checked++;
  }
  return { ...none, broken, checked: { ...none.checked, 'attention-first': checked } };
}

function product({ type, bytes, rows, columns }: CaseWeight, x: Float64Array): Float64Array {
  const rowBytes = bytes.byteLength / rows;
  return Float64Array.from({ length: rows }, (_, i) => {
    const weights = dequantizeRow(type, bytes.subarray(i * rowBytes, (i + 1) * rowBytes), columns);
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += (weights[j] as number) * (x[j] as number);
    return sum;
  });
}

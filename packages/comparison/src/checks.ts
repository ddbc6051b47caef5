import {
  type Broken,
  type Checked,
  checkAttentionFirst,
  type FirstRows,
  type Heads,
  Invariants,
  Observer,
} from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';
import type { GgufFile } from '@llama-probe/engine';
import { type CaseWeight, dequantizeRow } from '@llama-probe/oracle';
import { readWeight } from './diagnosis/case-model.js';

/** What holds by itself of each side, whatever the other one says. */
export interface Checks {
  readonly candidate: Checked;
  readonly reference: Checked;
}

/** Looks at one side's tensors as they stream by: what must hold of them, and what is remarkable about them. */
export class SideWatch {
  readonly invariants: Invariants;
  readonly observer: Observer;

  constructor(architecture: string | undefined, heads: Heads) {
    this.invariants = new Invariants({ architecture, ...heads });
    this.observer = new Observer(heads);
  }

  pass(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
    return this.observer.pass(this.invariants.pass(tensors));
  }
}

/** Adds what another check has found. */
export function merge(a: Checked, b: Checked): Checked {
  const checked = { ...a.checked };
  for (const [name, rows] of Object.entries(b.checked)) checked[name as keyof typeof checked] += rows;
  return { broken: [...a.broken, ...b.broken].sort((x, y) => x.step - y.step || x.order - y.order), checked };
}

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
  return { broken, checked: { ...none.checked, 'attention-first': checked } };
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

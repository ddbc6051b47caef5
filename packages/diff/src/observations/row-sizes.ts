import type { Tensor } from '@llama-probe/dump';
import { type Graph, placeKey } from '@llama-probe/dump/stage';
import { rowOf } from '../metrics.js';

/** The sizes of the rows of one stage in one layer, over all steps: columns of a table. */
export interface StageRows {
  readonly layer: number | null;
  readonly stage: string;
  readonly order: number;
  readonly steps: number[];
  readonly tokens: number[];
  /** NaN where a row has values that are no numbers. */
  readonly rms: number[];
  /** The tokens whose row has one value all over. */
  readonly constant: Set<number>;
}

/** Stages that hold ids. */
const IDS: ReadonlySet<string> = new Set(['ffn_moe_topk', 'ffn_moe_argsort']);

export class RowSizes {
  readonly stages = new Map<string, StageRows>();

  constructor(private readonly graph: Graph) {}

  add(tensor: Tensor): void {
    const { step, order, layer, stage, positions } = tensor;
    if (IDS.has(stage)) return;
    const key = placeKey(tensor);
    let rows = this.stages.get(key);
    if (!rows) {
      rows = { layer, stage, order, steps: [], tokens: [], rms: [], constant: new Set() };
      this.stages.set(key, rows);
    }
    for (let i = 0; i < positions.length; i++) {
      const { rms, constant } = sizeOf(rowOf(tensor, i), stage === 'kq');
      const token = positions[i] as number;
      rows.steps.push(step);
      rows.tokens.push(token);
      rows.rms.push(rms);
      if (constant && !this.graph.isScores(stage)) rows.constant.add(token);
    }
  }
}

/** @param masked what is no number is hidden by a mask */
function sizeOf(row: Float32Array, masked: boolean): { rms: number; constant: boolean } {
  let sum = 0;
  let count = 0;
  let constant = row.length > 1;
  const first = row[0];
  for (let i = 0; i < row.length; i++) {
    const value = row[i] as number;
    if (masked && value - value !== 0) continue;
    sum += value * value;
    count++;
    if (value !== first) constant = false;
  }
  const rms = Math.sqrt(sum / Math.max(1, count));
  return Number.isFinite(rms) ? { rms, constant } : { rms: Number.NaN, constant: false };
}

/** Of an even number the lower one of the two in the middle: half the rows may not hide what the other half does. */
export function lowerMedian(values: readonly number[]): number | undefined {
  const numbers = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return numbers[Math.floor((numbers.length - 1) / 2)];
}

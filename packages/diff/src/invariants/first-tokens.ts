import type { Tensor } from '@llama-probe/dump';
import { rowOf } from '../metrics.js';
import type { FirstRows } from './attention-first.js';
import { allFinite } from './distance.js';

/** Of each layer the two rows of position 0 between which attention is. Everything else of a run goes by. */
export class FirstTokens {
  private readonly layers = new Map<number, { v: Float32Array; out?: Pick<FirstRows, 'order' | 'attnOut'> }>();

  add(tensor: Tensor): void {
    const { stage, layer, order } = tensor;
    if (layer === null || (stage !== 'v_proj' && stage !== 'attn_out')) return;
    const row = firstRow(tensor)?.slice(); // a copy: a view would keep the whole tensor
    if (!row) return;
    const known = this.layers.get(layer);
    if (stage === 'v_proj') this.layers.set(layer, { v: row });
    else if (known) known.out = { order, attnOut: row };
  }

  /** The values of a layer. (kvHeads · headDim) */
  valueOf(layer: number | null): Float32Array | undefined {
    return layer === null ? undefined : this.layers.get(layer)?.v;
  }

  get rows(): FirstRows[] {
    return [...this.layers].flatMap(([layer, { v, out }]) => (out ? [{ layer, v, ...out }] : []));
  }
}

/** The row of position 0, if there is one and it has only numbers. */
export function firstRow(tensor: Tensor): Float32Array | undefined {
  const at = tensor.positions.indexOf(0);
  if (at < 0) return undefined;
  const row = rowOf(tensor, at);
  return allFinite(row) ? row : undefined;
}

import type { Tensor } from '@llama-probe/dump';
import type { RecordedSoFar } from './hook.js';

/**
 * What a Later may look up of its pass: the layer that is being computed, and the one before. All by order.
 *
 * A tensor is a view of what was read back together with it: two layers, and at most an arena, are kept.
 */
export class Recent implements RecordedSoFar {
  private readonly tensors = new Map<number, Tensor>();
  private readonly overwritten = new Map<number, Float32Array>();
  private oldest = 0;
  private newest = 0;

  /** A layer begins with the stage of this order: what is older than the layer before it is forgotten. */
  begin(order: number): void {
    this.oldest = this.newest;
    this.newest = order;
    for (const kept of [this.tensors, this.overwritten]) {
      for (const old of kept.keys()) if (old < this.oldest) kept.delete(old);
    }
  }

  /** What was read back, which may be layers later. */
  add(tensor: Tensor): void {
    if (tensor.order >= this.oldest) this.tensors.set(tensor.order, tensor);
  }

  overwrite(order: number, rows: Float32Array): void {
    this.overwritten.set(order, rows.slice());
  }

  get(stage: string, layer: number | null): Tensor | undefined {
    for (const tensor of this.tensors.values()) {
      if (tensor.stage !== stage || tensor.layer !== layer) continue;
      const other = this.overwritten.get(tensor.order);
      if (!other) return tensor;
      const values = tensor.values.slice();
      values.set(other, values.length - other.length); // the last rows
      return { ...tensor, values };
    }
    return undefined;
  }
}

import { Invariants, type InvariantsOptions, Observer } from '@llama-probe/diff';
import type { Tensor } from '@llama-probe/dump';

/** Looks at one side's tensors as they stream by: what must hold of them, and what is remarkable about them. */
export class SideChecks {
  readonly invariants: Invariants;
  readonly observer: Observer;
  /** The most rows that came at once. */
  rowsAtOnce = 0;

  constructor(model: InvariantsOptions) {
    this.invariants = new Invariants(model);
    this.observer = new Observer(model);
  }

  async *pass(tensors: AsyncIterable<Tensor>): AsyncGenerator<Tensor> {
    for await (const tensor of this.observer.pass(this.invariants.pass(tensors))) {
      this.rowsAtOnce = Math.max(this.rowsAtOnce, tensor.positions.length);
      yield tensor;
    }
  }
}

import type { Tensor } from '@llama-probe/dump';
import { type Place, stageKey } from '@llama-probe/dump/stage';
import { rowOf } from '../metrics.js';

/** Rows that wait for the stage that is made of them: of each stage one layer of one pass. */
export class Held {
  private readonly rows = new Map<string, { key: string; rows: Map<number, Float32Array> }>(); // by stage
  private last = '';

  constructor(private readonly stages: ReadonlySet<string>) {}

  /** Every tensor of the run, in the order of its evaluation; those of the stages that are wanted are kept. */
  add(tensor: Tensor): void {
    const key = stageKey(tensor);
    if (this.stages.has(tensor.stage)) {
      // What comes after something else is of a later layer or pass: what is left then has no partner.
      if (this.last !== key) this.rows.set(tensor.stage, { key, rows: new Map() });
      const held = this.rows.get(tensor.stage);
      for (let row = 0; row < tensor.positions.length; row++) {
        held?.rows.set(tensor.positions[row] as number, rowOf(tensor, row));
      }
    }
    this.last = key;
  }

  /** The row of a token, which is then no longer kept. */
  take(step: number, place: Place, token: number): Float32Array | undefined {
    const held = this.rows.get(place.stage);
    if (held?.key !== stageKey({ step, ...place })) return undefined;
    const row = held.rows.get(token);
    held.rows.delete(token);
    return row;
  }
}

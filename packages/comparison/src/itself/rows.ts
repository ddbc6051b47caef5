import type { Tensor } from '@llama-probe/dump';
import { type Place, placeKey } from '@llama-probe/dump/stage';
import type { Way } from './way.js';
import { inBatches } from './words.js';

/** The rows of one stage of one layer, whichever pass computed them. */
export interface StageRows extends Place {
  /** When it was evaluated: where its first rows were. */
  readonly order: number;
  readonly rows: Map<number, Float32Array>;
}

/** A run as what it is of any cut into batches: a row for each stage, layer and position. */
export class Rows {
  private readonly stages = new Map<string, StageRows & { readonly begins: Set<number> }>();

  add(tensor: Tensor): void {
    const { layer, stage, order, positions, values, width } = tensor;
    const key = placeKey(tensor);
    const kept = this.stages.get(key) ?? { layer, stage, order, rows: new Map(), begins: new Set() };
    this.stages.set(key, kept);
    const [begin] = positions;
    if (begin !== undefined) kept.begins.add(begin);
    for (const [row, position] of positions.entries())
      kept.rows.set(position, values.slice(row * width, (row + 1) * width));
  }

  at(place: Place): StageRows | undefined {
    return this.stages.get(placeKey(place));
  }

  /** A way that does not say where its batches begin, with what the pieces tell that its rows came in: each begin is one of every stage. */
  told(way: Way): Way {
    const [first, ...others] = [...this.stages.values()];
    if (way.begins || !first) return way;
    const begins = [...first.begins].filter((at) => others.every((one) => one.begins.has(at))).sort((a, b) => a - b);
    return begins.length > 1 && begins[0] === 0 ? { ...way, begins, batches: inBatches(begins, this.length) } : way;
  }

  /** One more than the last position. */
  private get length(): number {
    return this.all.reduce((most, { rows }) => [...rows.keys()].reduce((a, b) => Math.max(a, b + 1), most), 0);
  }

  get all(): readonly StageRows[] {
    return [...this.stages.values()];
  }
}

import type { Floor } from './floors.js';

/**
 * The floors of a run, and what a stage is judged by: the largest of any step, of the stage itself and of its namesakes within `reach` layers
 * before and after it.
 *
 * One pair of builds is a sample of one. For a single decoded row two of them may compute the same bits, or a free run's noise may cancel what
 * was there before; the noise that a stage adds is the same at every step, and nearly the same one layer on.
 *
 * @example floors.get('1/3/kqv_out') // the largest of kqv_out in the layers 2, 3 and 4, at any step
 */
export class RunFloors implements Iterable<[string, Floor]> {
  /** As they were measured, by `stageKey`. */
  readonly own = new Map<string, Floor>();
  private readonly places = new Map<string, Floor>(); // the largest of any step

  /** @param measured by `stageKey` */
  constructor(
    measured: Iterable<readonly [string, Floor]> = [],
    private readonly reach = 1,
  ) {
    for (const [key, floor] of measured) this.set(key, floor);
  }

  /** Adds what was measured at a stage, or more of it: a stage that comes in pieces grows. */
  set(key: string, floor: Floor): void {
    this.own.set(key, floor);
    const place = key.slice(key.indexOf('/') + 1);
    this.places.set(place, largest(this.places.get(place), floor));
  }

  get(key: string): Floor | undefined {
    const [, layer = '', stage] = key.split(/\/(.*?)\/(.*)/s);
    const { reach } = this;
    const layers = layer === '-' ? [layer] : Array.from({ length: 2 * reach + 1 }, (_, i) => Number(layer) + i - reach);
    return layers
      .map((one) => this.places.get(`${one}/${stage}`))
      .reduce((most, floor) => (floor ? largest(most, floor) : most), undefined);
  }

  /** As they were measured. */
  [Symbol.iterator](): Iterator<[string, Floor]> {
    return this.own[Symbol.iterator]();
  }
}

/** The larger of each of the three deltas. */
export const largest = (a: Floor | undefined, b: Floor): Floor =>
  a ? { rel: Math.max(a.rel, b.rel), row: Math.max(a.row, b.row), value: Math.max(a.value, b.value) } : b;

import type { Tensor } from '@llama-probe/dump';
import { stageKey } from '@llama-probe/dump/stage';
import { MetricSums, rowOf } from './metrics.js';

/** How far the reference is from itself at one stage: a healthy engine cannot be expected to come closer. */
export interface Floor {
  /** ‖a−b‖ / ‖b‖ of the stage. */
  readonly rel: number;
  /** The largest ‖a−b‖ / ‖b‖ of a single row. */
  readonly row: number;
  /** The largest |a−b|, over the RMS of the stage. */
  readonly value: number;
}

/** By `stageKey`. */
export type Floors = ReadonlyMap<string, Floor>;

/** What follows from a floor: a multiple of it, and never less than a minimum. */
export interface LimitRule {
  readonly margin: number;
  readonly minimum: number;
}

/**
 * The minimum for a single row is this many times that of the stage: a row of small values rounds relatively worse, and a wrong one
 * must not hide behind a row of large values, such as the one that Llama models have at the first token.
 */
export const ROW_FACTOR = 4;

/** The minimum for a single value, over the RMS of the stage, is this many times that of the stage. */
export const VALUE_FACTOR = 100;

/**
 * What the three deltas of a stage may be at most.
 *
 * @example limitOf({ rel: 3e-6, row: 5e-6, value: 1e-5 }, { margin: 10, minimum: 1e-5 }) // { rel: 3e-5, row: 5e-5, value: 1e-3 }
 */
export function limitOf(floor: Floor | undefined, { margin, minimum }: LimitRule): Floor {
  return {
    rel: Math.max(margin * (floor?.rel ?? 0), minimum),
    row: Math.max(margin * (floor?.row ?? 0), minimum * ROW_FACTOR),
    value: Math.max(margin * (floor?.value ?? 0), minimum * VALUE_FACTOR),
  };
}

/** The three deltas that a limit is for. */
export function deltasOf(sums: MetricSums): Floor {
  const { rel, maxAbs, referenceRms } = sums.metrics();
  return {
    rel,
    row: sums.rows.reduce((most, row) => Math.max(most, row.rel), 0),
    value: maxAbs === 0 ? 0 : maxAbs / referenceRms,
  };
}

/**
 * Passes the reference's tensors on, and measures beside them how far another run of the same graph is away.
 *
 * @param floors filled as the tensors come; a stage's floor is there when its tensor is passed on
 * @throws Error where the two are not runs of the same graph over the same tokens
 * @example compare(engineTensors, measureFloors(llama.tensors, otherBuild.tensors, floors), { floors, … })
 */
export async function* measureFloors(
  reference: AsyncIterable<Tensor>,
  other: AsyncIterable<Tensor>,
  floors: { set(key: string, floor: Floor): unknown },
): AsyncGenerator<Tensor> {
  const sums = new Map<string, MetricSums>();
  const others = other[Symbol.asyncIterator]();
  try {
    for await (const tensor of reference) {
      const { value: twin } = await others.next();
      const key = stageKey(tensor);
      if (!twin || stageKey(twin) !== key || twin.values.length !== tensor.values.length) {
        const found = twin ? stageKey(twin) : 'nothing';
        throw new Error(`the floor cannot be measured: the reference has ${key}, and its other run has ${found}`);
      }
      const stage = sums.get(key) ?? new MetricSums();
      sums.set(key, stage);
      for (let row = 0; row < tensor.positions.length; row++) {
        stage.add(rowOf(twin, row), rowOf(tensor, row), tensor.positions[row] as number, () => true);
      }
      floors.set(key, deltasOf(stage));
      yield tensor;
    }
    await others.next(); // its end
  } finally {
    await others.return?.();
  }
}

import type { StageCase } from '../case.js';
import { computeStage } from '../compute.js';
import type { Variation } from '../variation.js';
import { type Distance, distance, inLimits, type Limits } from './distance.js';
import type { Sample } from './sample.js';
import { leaves, type Trial } from './trial.js';
import type { Turns } from './turns.js';

/**
 * Recomputes the whole stage for the suspects that reproduce the sampled columns, and for the best of the others.
 *
 * @param right how far the right rows of the whole stage are from the sick ones
 * @param found on sampled columns @returns them on the whole stage; those that were not recomputed as they were found
 */
export async function wholly(
  whole: Sample,
  right: Distance,
  found: readonly Trial[],
  limits: Limits,
  turns: Turns,
): Promise<Trial[]> {
  const [best] = [...found].sort((a, b) => leaves(a) - leaves(b));
  const trials: Trial[] = [];
  for (const trial of found) {
    // The sample has the worst columns: rounding is no worse elsewhere.
    const mayBe = inLimits(trial.distance, limits) <= 2;
    const mayBeMost = trial === best && leaves(trial) <= 0.2;
    if (!mayBe && !mayBeMost) trials.push(trial);
    else {
      const rows = await allColumns(whole, trial.form.variation, turns);
      trials.push({ ...trial, right, distance: distance(whole.sick, rows, whole.width, whole.hidden) });
    }
  }
  return trials;
}

const TURN_MS = 50;

/** Recomputes the whole stage, so many columns at a time that a turn stays short. @returns (rows, width) */
async function allColumns({ parts, width }: Sample, variation: Variation, turns: Turns): Promise<Float64Array> {
  const c = parts[0] as StageCase;
  const rows = new Float64Array(c.rows * width);
  let count = 32;
  for (let from = 0; from < width; ) {
    await turns.pause();
    const columns = Int32Array.from({ length: Math.min(count, width - from) }, (_, i) => from + i);
    const started = performance.now();
    const some = computeStage(c, variation, columns);
    for (let row = 0; row < c.rows; row++) {
      rows.set(some.subarray(row * columns.length, (row + 1) * columns.length), row * width + from);
    }
    from += count;
    const ms = performance.now() - started;
    count = Math.max(1, Math.min(2 * count, Math.floor((count * TURN_MS) / ms)));
  }
  return rows;
}

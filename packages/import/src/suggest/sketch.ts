import type { RecordedRun } from '@llama-probe/dump';
import type { Place } from '@llama-probe/dump/stage';
import type { ForeignArray } from '../array.js';
import { toFloats } from '../dtype.js';
import type { Rows } from '../shape/rows.js';
import { arrangementsOf } from './arrangement.js';
import { LEAST_WIDTH } from './likeness.js';

/** An array in one of the ways in which it may be rows. */
export interface Sketch {
  readonly array: ForeignArray;
  readonly rows: Rows;
  /** Of the last token, which sees all others. */
  readonly last: Float32Array;
}

/** A stage of the whole run. */
export interface Believed {
  readonly place: Place;
  readonly last: Float32Array;
  /** Whether an array is it already, by its name. */
  readonly isTaken: boolean;
}

/** Of every array that can be rows of so many tokens, which are read one at a time. */
export async function sketchesOf(array: ForeignArray, path: string, tokens: number): Promise<readonly Sketch[]> {
  const ways = arrangementsOf(array, path, tokens).filter(({ width }) => width >= LEAST_WIDTH);
  if (ways.length === 0) return [];
  const values = toFloats(await array.read(), array.dtype);
  return ways.map((rows) => ({ array, rows, last: rows.arrange(values).slice(-rows.width) }));
}

/** The stages of the prompt's pass, and how many tokens it has. */
export async function lastRows(
  reference: RecordedRun,
  isTaken: (place: Place) => boolean,
): Promise<{ readonly stages: readonly Believed[]; readonly tokens: number }> {
  const stages: Believed[] = [];
  let tokens = 0;
  for await (const { step, stage, layer, positions, width, values } of reference.tensors()) {
    if (step > 0) break;
    tokens = Math.max(tokens, 1 + (positions.at(-1) ?? -1));
    const place = { stage, layer };
    if (width >= LEAST_WIDTH)
      stages.push({ place, last: values.slice(values.length - width), isTaken: isTaken(place) });
  }
  return { stages, tokens };
}

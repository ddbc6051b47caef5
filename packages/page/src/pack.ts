import type { Floats, Levels } from './data.js';
import { INFINITE, LEVELS, LOWEST, NOT_A_NUMBER, PER_DECADE, ZERO } from './levels.js';

/** @example floatsOf(pack([0.5, Number.NaN])) // Float32Array [0.5, NaN] */
export function pack(values: ArrayLike<number | null>): Floats {
  const floats = Float32Array.from(values, (value) => value ?? Number.NaN); // in JSON a NaN has become null
  return Buffer.from(floats.buffer).toString('base64');
}

/** Deltas, 0 or more. */
export function packLevels(values: readonly number[]): Levels {
  return Buffer.from(values.map(levelOf)).toString('base64');
}

function levelOf(value: number): number {
  if (Number.isNaN(value)) return NOT_A_NUMBER;
  if (value === Number.POSITIVE_INFINITY) return INFINITE;
  if (value <= 0) return ZERO;
  const level = 1 + Math.round((Math.log10(value) - LOWEST) * PER_DECADE);
  return Math.min(Math.max(level, 1), LEVELS);
}

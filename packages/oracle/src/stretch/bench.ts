import { type Distance, distance, inLimits, isConfirmed, type Limits } from '../diagnose/distance.js';
import { NEAR } from '../diagnose/near.js';
import type { Put } from './scopes.js';
import { computeStretch, computeWhole, type Stretch } from './stretch.js';

/** What forms are tried on: the rows at the end of a stretch, all or the last few of them, and what is known of them. */
export interface StretchBench {
  readonly stretch: Stretch;
  readonly sick: Float32Array; // (rows, width)
  readonly width: number;
  readonly limits: Limits;
  /** How far the right rows are from the sick ones. */
  readonly right: Distance;
  /** What the oracle makes of the stretch without a bug, as sick. */
  readonly healthy: Float64Array;
  /** How far that is from the right rows: what a right stretch leaves. */
  readonly own: Limits;
}

/** A form that was tried, and how far what it makes is from the sick rows. */
export interface StretchTrial {
  readonly put: Put;
  readonly distance: Distance;
}

/** @returns why, where the oracle cannot say what comes of a stretch */
export function benchOfStretch(
  stretch: Stretch,
  sick: Float32Array,
  right: Float32Array,
  { limits, rounding }: { readonly limits: Limits; readonly rounding?: Limits | undefined },
): StretchBench | string {
  const width = right.length / (stretch.stages.at(-1)?.case?.rows ?? 1);
  const whole = computeWhole(stretch) ?? computeStretch(stretch);
  if (!whole || !Number.isInteger(width)) return 'not all that it is computed from is there.';
  const tail = right.subarray(right.length - sick.length);
  const healthy = whole.subarray(whole.length - sick.length);
  const own = distance(tail, healthy, width);
  const before = distance(sick, tail, width);
  if (inLimits(own, limits) > 1 && !(own.unmatched === 0 && own.delta2 <= 0.01 * before.delta2)) {
    return 'even without a bug the oracle does not make the right rows of these inputs: the model does something that the oracle does not know.';
  }
  return { stretch, sick, width, limits, right: before, healthy, own: rounding ?? own };
}

/** The last few rows alone; all of them where these do not show the error. */
export function fewRowsOf(bench: StretchBench, right: Float32Array, count: number): StretchBench {
  const { sick, healthy, width, limits } = bench;
  const size = count * width;
  if (sick.length <= size) return bench;
  const few = { ...bench, sick: sick.subarray(sick.length - size), healthy: healthy.subarray(healthy.length - size) };
  const shown = { ...few, right: distance(few.sick, right.subarray(right.length - size), width) };
  return inLimits(shown.right, limits) > NEAR ? shown : bench;
}

/** What comes of a form; undefined if it cannot be computed, or changes nothing that the limits would show. */
export function tryOut({ stretch, sick, width, healthy, limits }: StretchBench, put: Put): StretchTrial | undefined {
  const rows = computeStretch(stretch, put.variations, sick.length / width);
  if (!rows || inLimits(distance(healthy, rows, width), limits) <= 1) return undefined;
  return { put, distance: distance(sick, rows, width) };
}

/**
 * Whether a form makes the sick rows: within the limits, ten times closer than the right ones, and as close as a right stretch comes; which is a tenth
 * of the limits, or no more than ten times what the oracle itself leaves.
 */
export const makesThem = ({ distance: of }: StretchTrial, { right, limits, own }: StretchBench): boolean =>
  isConfirmed(of, right, limits) && (inLimits(of, limits) <= 1 / NEAR || inLimits(of, own) <= NEAR);

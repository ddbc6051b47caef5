import type { Bug } from '../bug.js';
import type { StageCase } from '../case.js';
import { together, type Variation } from '../variation.js';
import { type Distance, distance, inLimits, isConfirmed, type Limits, residue } from './distance.js';
import { recompute, type Sample } from './sample.js';

/** A bug in one of its forms, with all its parameters: what is recomputed, to see whether it is the cause. */
export interface Form {
  readonly bug: Bug;
  readonly variation: Variation;
  /** The same bug in another run. */
  again(c: StageCase): Variation;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** A parameter was fitted to the sick rows. */
  readonly isFitted: boolean;
  /** The other bug of a pair. */
  readonly with?: Form;
}

/** What came of trying a form: how far the rows that it computes are from the sick ones. */
export interface Trial {
  readonly form: Form;
  readonly distance: Distance;
  /** How far the right rows are from the same sick rows. */
  readonly right: Distance;
  /** How long computing it took. */
  readonly ms: number;
}

/** What forms are tried on: a sample, how far its right rows are from the sick ones, and the rows that the oracle computes without a bug. */
export interface Bench {
  readonly sample: Sample;
  readonly right: Distance;
  readonly healthy: Float64Array;
  readonly limits: Limits;
}

export function benchOf(sample: Sample, limits: Limits): Bench {
  const { sick, right, width, hidden } = sample;
  return { sample, limits, right: distance(sick, right, width, hidden), healthy: recompute(sample) };
}

/** Recomputes a sample with a bug in it; undefined if the bug changes nothing there. */
export function trial({ sample, healthy, limits, right }: Bench, form: Form): Trial | undefined {
  const { sick, width, hidden } = sample;
  const started = performance.now();
  const rows = recompute(sample, form.variation);
  // A bug without an effect would reproduce whatever the oracle does.
  if (inLimits(distance(healthy, rows, width, hidden), limits) <= 1) return undefined;
  return { form, distance: distance(sick, rows, width, hidden), right, ms: performance.now() - started };
}

export const isCause = ({ distance, right }: Trial, limits: Limits): boolean => isConfirmed(distance, right, limits);

/** The part of the error that a form leaves. */
export const leaves = ({ distance, right }: Trial): number => residue(distance, right);

/** The forms that need no search. */
export function* formsOf(bug: Bug, c: StageCase): Generator<Form> {
  let index = 0;
  for (const { variation, parameters = {} } of bug.variants(c)) {
    const own = index++;
    const again = (other: StageCase) => [...bug.variants(other)][own]?.variation ?? variation;
    yield { bug, variation, again, parameters, isFitted: false };
  }
}

/** Both bugs at once; undefined if they change the same thing, or are two forms of one. */
export function pairOf(first: Form, second: Form): Form | undefined {
  const variation = together(first.variation, second.variation);
  if (!variation || first.bug.id === second.bug.id) return undefined;
  const again = (c: StageCase) => together(first.again(c), second.again(c)) ?? variation;
  return { ...first, variation, again, isFitted: first.isFitted || second.isFitted, with: second };
}

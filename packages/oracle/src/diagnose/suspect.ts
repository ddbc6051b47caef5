import type { StageCase } from '../catalogue/case.js';
import type { CatalogueEntry } from '../catalogue/entry.js';
import type { Variation } from '../catalogue/variation.js';
import { type Distance, distance, inLimits, isConfirmed, residue } from './distance.js';
import { mergeVariations } from './merge.js';
import { recompute, type Sample } from './sample.js';

/** A bug that may be the cause, with all its parameters. */
export interface Suspect {
  readonly entry: CatalogueEntry;
  readonly variation: Variation;
  /** The same bug in another run. */
  again(c: StageCase): Variation;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** A parameter was fitted to the sick rows. */
  readonly isFitted: boolean;
  /** The other bug of a pair. */
  readonly with?: Suspect;
}

/** A suspect, and how far what it would have computed is from the sick rows. */
export interface Trial {
  readonly suspect: Suspect;
  readonly distance: Distance;
  /** How far the right rows are from the same sick rows. */
  readonly right: Distance;
  /** What computing it took. */
  readonly ms: number;
}

/** What suspects are tried on: a sample, how far its right rows are from the sick ones, and what the oracle makes of it. */
export interface Bench {
  readonly sample: Sample;
  readonly right: Distance;
  readonly healthy: Float64Array;
  readonly limit: number;
}

export function benchOf(sample: Sample, limit: number): Bench {
  const { sick, right, width, hidden } = sample;
  return { sample, limit, right: distance(sick, right, width, hidden), healthy: recompute(sample) };
}

/** Recomputes a sample with a suspect's bug in it; undefined where the bug changes nothing there. */
export function trial({ sample, healthy, limit, right }: Bench, suspect: Suspect): Trial | undefined {
  const { sick, width, hidden } = sample;
  const started = performance.now();
  const rows = recompute(sample, suspect.variation);
  // A bug without an effect would reproduce whatever the oracle does.
  if (inLimits(distance(healthy, rows, width, hidden), limit) <= 1) return undefined;
  return { suspect, distance: distance(sick, rows, width, hidden), right, ms: performance.now() - started };
}

export const isCause = ({ distance, right }: Trial, limit: number): boolean => isConfirmed(distance, right, limit);

/** The part of the error that it leaves. */
export const leaves = ({ distance, right }: Trial): number => residue(distance, right);

/** The suspects that need no search. */
export function* variantsOf(entry: CatalogueEntry, c: StageCase): Generator<Suspect> {
  let form = 0;
  for (const { variation, parameters = {} } of entry.variants(c)) {
    const own = form++;
    const again = (other: StageCase) => [...entry.variants(other)][own]?.variation ?? variation;
    yield { entry, variation, again, parameters, isFitted: false };
  }
}

/** Both bugs at once; undefined where they change the same thing, or are two forms of one. */
export function pairOf(first: Suspect, second: Suspect): Suspect | undefined {
  const variation = mergeVariations(first.variation, second.variation);
  if (!variation || first.entry.id === second.entry.id) return undefined;
  const again = (c: StageCase) => mergeVariations(first.again(c), second.again(c)) ?? variation;
  return { ...first, variation, again, isFitted: first.isFitted || second.isFitted, with: second };
}

import { createHash } from 'node:crypto';
import { describe } from '@llama-probe/diff';
import type { Digests, StageDigest } from './digests.js';

/** A stage that is not the same in every run. */
export interface Changing {
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  /** How many runs had each of its results, the most frequent first. @example [8, 1, 1] */
  readonly results: readonly number[];
  /** The positions whose rows are not the same everywhere, … */
  readonly positions: readonly number[];
  /** … of so many rows. */
  readonly rows: number;
}

/** Holds one run after the other to the first one, and keeps of each only what it takes to count the results of a stage. */
export class Changes {
  private readonly results = new Map<string, Map<string, number>>();
  private readonly changed = new Map<string, Set<number>>();
  private readonly alone = new Set<string>();

  constructor(private readonly first: Digests) {
    for (const [key, { rows }] of first.entries()) this.count(key, rows);
  }

  /** @param upTo the position from which on its rows come of other tokens, and are another computation */
  add(run: Digests, upTo: number): void {
    for (const [key, stage] of this.first.entries()) this.hold(key, stage, run.get(key), upTo);
    for (const [key, stage] of run.entries()) {
      if (!this.first.get(key) && rowsUpTo(stage.rows, upTo).size > 0) this.alone.add(describe(stage));
    }
  }

  /** Stages that some runs have, or have rows of, and others do not. */
  get incomplete(): readonly string[] {
    return [...this.alone];
  }

  /** In evaluation order. */
  changing(): Changing[] {
    return this.first.entries().flatMap(([key, { step, layer, stage, rows }]) => {
      const positions = [...(this.changed.get(key) ?? [])].sort((a, b) => a - b);
      if (positions.length === 0) return [];
      const results = [...(this.results.get(key)?.values() ?? [])].sort((a, b) => b - a);
      return [{ step, layer, stage, results, positions, rows: rows.size }];
    });
  }

  private hold(key: string, stage: StageDigest, other: StageDigest | undefined, upTo: number): void {
    const [ours, theirs] = [rowsUpTo(stage.rows, upTo), rowsUpTo(other?.rows ?? new Map(), upTo)];
    const changed = this.changed.get(key) ?? new Set();
    this.changed.set(key, changed);
    for (const [position, digest] of ours) {
      const there = theirs.get(position);
      if (there !== undefined && there !== digest) changed.add(position);
    }
    if (ours.size !== theirs.size || [...ours.keys()].some((position) => !theirs.has(position)))
      this.alone.add(describe(stage));
    if (theirs.size === stage.rows.size) this.count(key, theirs);
  }

  private count(key: string, rows: ReadonlyMap<number, string>): void {
    const hash = createHash('sha1');
    for (const [position, digest] of [...rows].sort(([a], [b]) => a - b)) hash.update(`${position} ${digest}`);
    const counts = this.results.get(key) ?? new Map<string, number>();
    const whole = hash.digest('base64');
    counts.set(whole, (counts.get(whole) ?? 0) + 1);
    this.results.set(key, counts);
  }
}

const rowsUpTo = (rows: ReadonlyMap<number, string>, upTo: number): ReadonlyMap<number, string> =>
  upTo === Number.POSITIVE_INFINITY ? rows : new Map([...rows].filter(([position]) => position < upTo));

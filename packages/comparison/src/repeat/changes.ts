import { describe } from '@llama-probe/diff';
import { type Digests, hashOf, type StageDigest } from './digests.js';

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
  /** How many values its rows have, where that is not the same everywhere either. @example [256, 512] */
  readonly widths?: readonly number[];
}

/** Holds one run after the other to the first one, and keeps of each only what it takes to count the results of a stage. */
export class Changes {
  private readonly stages = new Map<string, Seen>();
  private readonly alone = new Set<string>();

  constructor(private readonly first: Digests) {
    for (const [key, { rows }] of first.entries()) this.count(key, rows);
  }

  /** @param upTo the position from which on its rows come of other tokens, and are another computation */
  add(run: Digests, upTo: number): void {
    for (const [key, stage] of this.first.entries()) {
      if (stage.stage === 'kq' && run.heads !== this.first.heads)
        this.alone.add(`${describe(stage)} (how many heads it has is not known of every run)`);
      else this.hold(key, stage, run.get(key), upTo);
    }
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
      const seen = this.seen(key);
      const positions = [...seen.changed].sort((a, b) => a - b);
      if (positions.length === 0) return [];
      const results = [...seen.results.values()].sort((a, b) => b - a);
      const widths = [...seen.widths].sort((a, b) => a - b);
      const others = widths.length > 0 ? { widths } : {};
      return [{ step, layer, stage, results, positions, rows: rows.size, ...others }];
    });
  }

  private seen(key: string): Seen {
    const seen = this.stages.get(key) ?? { results: new Map(), changed: new Set(), widths: new Set() };
    this.stages.set(key, seen);
    return seen;
  }

  private hold(key: string, stage: StageDigest, other: StageDigest | undefined, upTo: number): void {
    const [ours, theirs] = [rowsUpTo(stage.rows, upTo), rowsUpTo(other?.rows ?? new Map(), upTo)];
    const { changed, widths } = this.seen(key);
    for (const [position, digest] of ours) {
      const there = theirs.get(position);
      if (there !== undefined && there !== digest) changed.add(position);
    }
    const isWhole = stage.stage !== 'kq' || this.first.heads === undefined; // else it does not matter how much a mask hides
    if (other && isWhole && !isSameSet(stage.widths, other.widths))
      for (const width of [...stage.widths, ...other.widths]) widths.add(width);
    if (ours.size !== theirs.size || [...ours.keys()].some((position) => !theirs.has(position)))
      this.alone.add(describe(stage));
    if (theirs.size === stage.rows.size) this.count(key, theirs);
  }

  private count(key: string, rows: ReadonlyMap<number, string>): void {
    const { results } = this.seen(key);
    const whole = hashOf(rows);
    results.set(whole, (results.get(whole) ?? 0) + 1);
  }
}

/** What the runs had at one stage: how often each result, which positions had another row than in the first run, … */
interface Seen {
  readonly results: Map<string, number>;
  readonly changed: Set<number>;
  /** … and how wide rows were where that was not the same. */
  readonly widths: Set<number>;
}

const isSameSet = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));

const rowsUpTo = (rows: ReadonlyMap<number, string>, upTo: number): ReadonlyMap<number, string> =>
  upTo === Number.POSITIVE_INFINITY ? rows : new Map([...rows].filter(([position]) => position < upTo));

import { type Graph, stageKey } from '@llama-probe/dump/stage';
import type { StageResult } from './comparison.js';
import { type AboutModel, graphOf } from './graph.js';
import type { RowPair } from './locate.js';

/** A stage from nearer: per token, per head, and how its deltas are spread. For who looks at it; no verdict needs it. */
export interface StageDetail {
  /** (rows) The position of each row in the sequence. */
  readonly tokens: readonly number[];
  /** (rows) ‖a−b‖ / ‖b‖ of each row; Infinity where only the reference is zero, NaN where a side is not finite. */
  readonly rows: readonly number[];
  /** How many heads lie side by side in a row; null where it has none. */
  readonly heads: number | null;
  /** (rows, heads) ‖a−b‖ / ‖b‖ of each head of each row; null where a row has no heads. */
  readonly headRows: readonly number[] | null;
  readonly histogram: Histogram;
  /** The largest |a−b|, largest first; what is not finite on one side comes before everything. */
  readonly worst: readonly ValuePair[];
}

/** How many values have which |a−b|, by powers of two. */
export interface Histogram {
  /** Values that are the same, bit for bit, or both hidden. */
  readonly zeros: number;
  /** Values that are not finite on one side only. */
  readonly nonFinite: number;
  /** The first bin is 2^exponent ≤ |a−b| < 2^(exponent + 1), the next ones follow. */
  readonly exponent: number;
  readonly counts: readonly number[];
}

/** One value on both sides. */
export interface ValuePair {
  readonly token: number;
  readonly index: number;
  readonly candidate: number;
  readonly reference: number;
}

/** The values of a stage on both sides, in the order in which they came. */
export interface StageValues {
  readonly rows: readonly RowPair[];
}

export interface DetailsOptions extends AboutModel {
  /** The most bytes of values that are kept; wrong stages push out those that agree. */
  readonly budget?: number;
}

const BUDGET = 256 << 20;
const WORST = 16;

/**
 * Keeps a closer look at every stage of a comparison, and as many of the values as a budget allows.
 *
 * @example
 * const details = new Details({ heads: 32, headsKv: 4 });
 * await compare(ours, theirs, { ...options, onStage: (stage, rows) => details.add(stage, rows) });
 * details.detail('0/3/kq')?.rows
 */
export class Details {
  private readonly open = new Map<string, OpenDetail>();
  private readonly kept = new Map<string, RowPair[]>();
  private readonly agreeing = new Set<string>(); // those of `kept` that make room, oldest first
  private bytes = 0;

  private readonly graph: Graph;

  constructor(private readonly options: DetailsOptions = {}) {
    this.graph = graphOf(options, [{ layer: 0 }]);
  }

  /** Adds rows of a stage, as `compare` passes them on. What is kept of them is a copy. */
  add(stage: StageResult, rows: readonly RowPair[]): void {
    const key = stageKey(stage);
    let detail = this.open.get(key);
    if (!detail) {
      detail = new OpenDetail(this.graph.headsOf(stage.stage) ?? null);
      this.open.set(key, detail);
    }
    for (const row of rows) detail.add(row);
    this.keep(key, stage.verdict === 'agree', rows);
  }

  /** By `stageKey`; undefined where nothing of it was compared. */
  detail(key: string): StageDetail | undefined {
    return this.open.get(key)?.result();
  }

  /** By `stageKey`; undefined where they were not kept. */
  values(key: string): StageValues | undefined {
    const rows = this.kept.get(key);
    return rows && { rows };
  }

  private keep(key: string, agrees: boolean, rows: readonly RowPair[]): void {
    const budget = this.options.budget ?? BUDGET;
    const bytes = bytesOf(rows);
    const isBegun = this.open.get(key)?.rows.length !== rows.length;
    if (isBegun && !this.kept.has(key)) return; // its first rows are gone: half a stage misleads
    if (!agrees) {
      this.agreeing.delete(key);
      for (const other of this.agreeing) {
        if (this.bytes + bytes <= budget) break;
        this.forget(other);
      }
    }
    if (this.bytes + bytes > budget) {
      this.forget(key);
      return;
    }
    if (agrees) this.agreeing.add(key);
    this.bytes += bytes;
    const copies = rows.map(({ token, candidate, reference }) => {
      return { token, candidate: candidate.slice(), reference: reference.slice() };
    });
    this.kept.set(key, [...(this.kept.get(key) ?? []), ...copies]);
  }

  private forget(key: string): void {
    this.bytes -= bytesOf(this.kept.get(key) ?? []);
    this.kept.delete(key);
    this.agreeing.delete(key);
  }
}

const bytesOf = (rows: readonly RowPair[]): number =>
  rows.reduce((sum, { candidate, reference }) => sum + candidate.byteLength + reference.byteLength, 0);

/** An f32's exponent bits: where a value stands in the histogram. */
const DELTA = new Float32Array(1);
const BITS = new Uint32Array(DELTA.buffer);
const EXPONENT_BIAS = 127;

class OpenDetail {
  readonly tokens: number[] = [];
  readonly rows: number[] = [];
  private readonly headRows: number[] = [];
  private readonly bins = new Float64Array(256);
  private zeros = 0;
  private nonFinite = 0;
  private worst: (ValuePair & { readonly size: number })[] = [];

  constructor(private readonly heads: number | null) {}

  add({ token, candidate, reference }: RowPair): void {
    const heads = this.heads !== null && reference.length % this.heads === 0 ? this.heads : 1;
    const size = reference.length / heads;
    let [rowDelta2, rowB2] = [0, 0];
    for (let head = 0; head < heads; head++) {
      let [delta2, b2] = [0, 0];
      for (let i = head * size; i < (head + 1) * size; i++) {
        const a = candidate[i] as number;
        const b = reference[i] as number;
        if (Object.is(a, b) || a === b || (Number.isNaN(b) && Number.isNaN(a))) {
          this.zeros++;
          if (Number.isFinite(b)) b2 += b * b;
          continue;
        }
        const delta = Math.abs(a - b);
        if (!Number.isFinite(delta)) {
          // The reference's NaN is what a mask hides; the candidate may have any number there.
          if (Number.isNaN(b)) {
            this.zeros++;
            continue;
          }
          this.nonFinite++;
        } else {
          DELTA[0] = delta;
          (this.bins[((BITS[0] as number) >>> 23) & 255] as number)++;
        }
        delta2 += delta * delta;
        b2 += b * b;
        this.note(delta, token, i, a, b);
      }
      if (this.heads !== null) this.headRows.push(ratio(delta2, b2));
      rowDelta2 += delta2;
      rowB2 += b2;
    }
    this.tokens.push(token);
    this.rows.push(ratio(rowDelta2, rowB2));
  }

  private note(delta: number, token: number, index: number, candidate: number, reference: number): void {
    const size = Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta;
    const last = this.worst[WORST - 1];
    if (last && size <= last.size) return;
    let place = this.worst.length;
    while (place > 0 && (this.worst[place - 1] as { size: number }).size < size) place--;
    this.worst.splice(place, 0, { size, token, index, candidate, reference });
    this.worst.length = Math.min(this.worst.length, WORST);
  }

  result(): StageDetail {
    const first = this.bins.findIndex((count) => count > 0);
    const last = this.bins.findLastIndex((count) => count > 0);
    return {
      tokens: [...this.tokens],
      rows: [...this.rows],
      heads: this.heads,
      headRows: this.heads === null ? null : [...this.headRows],
      histogram: {
        zeros: this.zeros,
        nonFinite: this.nonFinite,
        exponent: first < 0 ? 0 : first - EXPONENT_BIAS,
        counts: first < 0 ? [] : [...this.bins.subarray(first, last + 1)],
      },
      worst: this.worst.map(({ size: _, ...pair }) => pair),
    };
  }
}

const ratio = (delta2: number, b2: number): number => (delta2 === 0 ? 0 : Math.sqrt(delta2 / b2));

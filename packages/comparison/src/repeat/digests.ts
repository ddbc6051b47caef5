import { createHash } from 'node:crypto';
import type { RowDigests } from '@llama-probe/dump';

/** What is kept of a stage: the digest of each row, by the row's position. */
export interface StageDigest {
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  readonly order: number;
  readonly rows: Map<number, string>;
  /** How many values its rows have. */
  readonly widths: Set<number>;
}

/** A run without its values: a thousand of them fit where one does not. */
export class Digests {
  private readonly stages = new Map<string, StageDigest>();

  /** @param heads that its scores were taken to have, so that what a mask hides is not in their digests */
  constructor(readonly heads: number | undefined) {}

  add({ step, layer, stage, order, positions, width, digests }: RowDigests): void {
    const key = `${step} ${layer} ${stage}`;
    const kept = this.stages.get(key) ?? { step, layer, stage, order, rows: new Map(), widths: new Set() };
    this.stages.set(key, kept);
    kept.widths.add(width);
    for (const [row, position] of positions.entries()) kept.rows.set(position, digests[row] as string);
  }

  get(key: string): StageDigest | undefined {
    return this.stages.get(key);
  }

  /** In evaluation order. */
  entries(): [key: string, StageDigest][] {
    return [...this.stages].sort(([, a], [, b]) => a.step - b.step || a.order - b.order);
  }

  /** The same of two runs where all that was captured is the same to the bit. */
  whole(): string {
    const stages = [...this.stages].sort(([a], [b]) => (a < b ? -1 : 1));
    const hash = createHash('sha1');
    for (const [key, { rows }] of stages) hash.update(`${key} ${hashOf(rows)}`);
    return hash.digest('base64');
  }
}

/** The same for rows whose positions and digests are the same. */
export function hashOf(rows: ReadonlyMap<number, string>): string {
  const hash = createHash('sha1');
  for (const [position, digest] of [...rows].sort(([a], [b]) => a - b)) hash.update(`${position} ${digest}`);
  return hash.digest('base64');
}

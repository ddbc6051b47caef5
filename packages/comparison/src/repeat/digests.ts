import { createHash } from 'node:crypto';
import type { Tensor } from '@llama-probe/dump';

/** What is kept of a stage: a hash of each row's bits, by the row's position. */
export interface StageDigest {
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  readonly order: number;
  readonly rows: Map<number, string>;
}

const BYTES = 12; // of a hash, of 20: enough to tell any two rows apart

/** A run without its values: a thousand of them fit where one does not. */
export class Digests {
  private readonly stages = new Map<string, StageDigest>();

  /** @param heads of the scores, of which those of later positions are nobody's: a mask hides them */
  constructor(private readonly heads: number | undefined) {}

  add(tensor: Tensor): void {
    const { step, layer, stage, order, positions } = tensor;
    const key = `${step} ${layer} ${stage}`;
    const kept = this.stages.get(key) ?? { step, layer, stage, order, rows: new Map() };
    this.stages.set(key, kept);
    for (const [row, position] of positions.entries()) kept.rows.set(position, this.digest(tensor, row, position));
  }

  get(key: string): StageDigest | undefined {
    return this.stages.get(key);
  }

  /** In evaluation order. */
  entries(): [key: string, StageDigest][] {
    return [...this.stages].sort(([, a], [, b]) => a.step - b.step || a.order - b.order);
  }

  private digest({ stage, width, values }: Tensor, row: number, position: number): string {
    const bits = values.subarray(row * width, (row + 1) * width);
    const seen = stage === 'kq' && this.heads ? withoutLater(bits, width / this.heads, position) : bits;
    const hash = createHash('sha1').update(new Uint8Array(seen.buffer, seen.byteOffset, seen.byteLength));
    return hash.digest().toString('latin1', 0, BYTES);
  }
}

/** The scores of a row, (heads, n_kv), of no later position than its own. */
function withoutLater(row: Float32Array, nKv: number, position: number): Float32Array {
  return Number.isInteger(nKv) ? row.filter((_, i) => i % nKv <= position) : row;
}

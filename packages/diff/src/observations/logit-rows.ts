import type { Tensor } from '@llama-probe/dump';
import { highest } from '../logits.js';
import { rowOf } from '../metrics.js';

/** What is kept of the logits of one position. */
export interface LogitRow {
  readonly step: number;
  readonly order: number;
  readonly token: number;
  readonly least: number;
  readonly most: number;
  /** The id that wins; -1 where all are NaN. */
  readonly greedy: number;
  /** Of its bits: rows with the same one are the same. */
  readonly hash: string;
}

export class LogitRows {
  readonly rows: LogitRow[] = [];

  add(tensor: Tensor): void {
    const { step, order, positions } = tensor;
    for (let i = 0; i < positions.length; i++) {
      const row = rowOf(tensor, i);
      const greedy = highest(row, 1)[0]?.id ?? -1;
      const token = positions[i] as number;
      this.rows.push({
        step,
        order,
        token,
        least: leastOf(row),
        most: row[greedy] ?? Number.NaN,
        greedy,
        hash: hashOf(row),
      });
    }
  }
}

/** NaN where one is. */
function leastOf(row: Float32Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < row.length; i++) if (!((row[i] as number) >= least)) least = row[i] as number;
  return least;
}

/** FNV-1a over the words of a row, twice: 64 bits tell any two rows of a run apart. */
function hashOf(row: Float32Array): string {
  const words = new Uint32Array(row.buffer, row.byteOffset, row.length);
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    a = Math.imul(a ^ word, 0x01000193);
    b = Math.imul(b ^ ((word << 13) | (word >>> 19)), 0x5bd1e995);
  }
  return `${a >>> 0}/${b >>> 0}`;
}

import type { MaskKind } from '@llama-probe/dump';

/**
 * What the mask of a softmax hides, over all passes of a run: recorded row by row, and then told as a rule that all rows keep.
 *
 * @example a row at position 9 that sees 6 … 9, while those up to 3 see everything before them, keeps a window of 4
 */
export class MaskRows {
  private readonly seen = new Map<number, number>(); // by position: how many the row sees
  private isOther = false;

  /** @param mask (rows, width): 0, or −Infinity for what is hidden @param first the position of its first row */
  add(mask: Float32Array, width: number, first: number, rows: number): void {
    for (let row = 0; row < rows; row++) this.addRow(mask.subarray(row * width, (row + 1) * width), first + row);
  }

  private addRow(row: Float32Array, position: number): void {
    const from = row.indexOf(0);
    const end = row.lastIndexOf(0) + 1;
    const isRun = row.subarray(from, end).every((value) => value === 0);
    const isHidden = row.every((value, i) => (i >= from && i < end) || value === Number.NEGATIVE_INFINITY);
    if (from < 0 || end !== position + 1 || !isRun || !isHidden) this.isOther = true;
    this.seen.set(position, end - from);
  }

  /** Beyond the window that the longest row shows there may be a larger one: it hides nothing in this run. */
  get kind(): MaskKind {
    if (this.isOther) return 'other';
    const window = [...this.seen.values()].reduce((most, count) => Math.max(most, count), 0);
    const rows = [...this.seen];
    if (rows.every(([position, count]) => count === position + 1)) return 'causal';
    return rows.every(([position, count]) => count === Math.min(window, position + 1)) ? window : 'other';
  }
}

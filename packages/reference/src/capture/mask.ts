import type { MaskKind } from '@llama-probe/dump';

/** How many positions each row of a mask sees, the last of which is its own; −1 for a row that sees others. */
export type Seen = Int32Array;

/**
 * @param mask (rows, width): 0, or −Infinity for what is hidden
 * @param first the position of its first row
 * @param hasDistances whether it has −1, −2, … for what lies before a row: the softmax multiplies them with a slope
 */
export function seenBy(mask: Float32Array, width: number, first: number, rows: number, hasDistances = false): Seen {
  return Int32Array.from({ length: rows }, (_, i) => {
    const row = mask.subarray(i * width, (i + 1) * width);
    const own = first + i;
    const from = row.findIndex(Number.isFinite);
    const isRule = row.every((value, at) =>
      at >= from && at <= own ? value === (hasDistances ? at - own : 0) : value === Number.NEGATIVE_INFINITY,
    );
    return from >= 0 && from <= own && own < width && isRule ? own - from + 1 : -1;
  });
}

/**
 * What the mask of a softmax hides, over all passes of a run: recorded pass by pass, and then told as a rule that all rows keep.
 *
 * @example a row at position 9 that sees 6 … 9, while those up to 3 see everything before them, keeps a window of 4
 */
export class MaskRows {
  private readonly seen: (readonly [position: number, count: number])[] = [];

  /** @param first the position of the first row */
  add(seen: Seen, first: number): void {
    seen.forEach((count, row) => {
      this.seen.push([first + row, count]);
    });
  }

  /** Beyond the window that the longest row shows there may be a larger one: it hides nothing in this run. */
  get kind(): MaskKind {
    const window = this.seen.reduce((most, [, count]) => Math.max(most, count), 0);
    const keeps = (length: number) => this.seen.every(([position, count]) => count === Math.min(length, position + 1));
    if (keeps(Number.POSITIVE_INFINITY)) return 'causal';
    return keeps(window) ? window : 'other';
  }
}

import type { Matrix } from './matrix.js';
import { measure } from './measure.js';
import { reshaped, rowsFrom, rowsMoved, transposed } from './views.js';

/** How the other side's values lie otherwise than the model's. */
export type Layout =
  /** Rows of Q and K: of each head first those that RoPE's pairs begin with, then their partners (Hugging Face), and here side by side (GGUF's llama). */
  | { readonly kind: 'half-split' }
  /** The other way round. */
  | { readonly kind: 'adjacent' }
  | { readonly kind: 'transposed' }
  /** The same values in the same order; only the shape says otherwise. */
  | { readonly kind: 'reshaped' }
  /** Row i of the model is row i + by of the other side; what has no partner is not compared. */
  | { readonly kind: 'shifted'; readonly by: number }
  /** Head h of the model is head order[h] of the other side. */
  | { readonly kind: 'heads'; readonly order: readonly number[] }
  /** The other side has more rows, or fewer: the first ones are compared. */
  | { readonly kind: 'first-rows'; readonly rows: number };

/** A layout, and both sides once it is undone. */
export interface Undone {
  readonly layout: readonly Layout[];
  readonly ours: Matrix;
  readonly theirs: Matrix;
}

/** What is known of a tensor's rows. */
export interface Heads {
  /** How many rows a head has. */
  readonly rows: number;
  /** Whether RoPE turns them: of Q and K, not of V. */
  readonly isTurned: boolean;
}

const halves = (at: number, rows: number): number => (at % 2) * (rows / 2) + Math.floor(at / 2);
const neighbours = (at: number, rows: number): number => (at < rows / 2 ? 2 * at : 2 * (at - rows / 2) + 1);

const inHeads = (m: Matrix, rows: number, from: (at: number, rows: number) => number): Matrix =>
  rowsMoved(m, m.rows, (row) => row - (row % rows) + from(row % rows, rows));

/** Rows in half-split order put into pairs, where they are of heads that RoPE turns. */
export function inPairs(m: Matrix, heads: Heads | undefined): Matrix | undefined {
  const isTurned = heads?.isTurned && m.rows % heads.rows === 0 && heads.rows % 2 === 0 && heads.rows > 2;
  return isTurned ? inHeads(m, heads.rows, halves) : undefined;
}

/** Every layout that may be, the likeliest first. The caller tries which of them is. */
export async function* layouts(ours: Matrix, theirs: Matrix, heads: Heads | undefined): AsyncGenerator<Undone> {
  const isSame = ours.rows === theirs.rows && ours.columns === theirs.columns;
  if (isSame) {
    const turned = inPairs(theirs, heads);
    if (heads && turned) {
      yield { layout: [{ kind: 'half-split' }], ours, theirs: turned };
      yield { layout: [{ kind: 'adjacent' }], ours, theirs: inHeads(theirs, heads.rows, neighbours) };
    }
    if (heads && ours.rows > heads.rows) yield* headOrders(ours, theirs, heads.rows, turned !== undefined);
    for (const by of [1, -1]) {
      const rows = ours.rows - 1;
      if (rows < 1) continue;
      const [first, other] = by > 0 ? [0, 1] : [1, 0];
      yield {
        layout: [{ kind: 'shifted', by }],
        ours: rowsFrom(ours, first, rows),
        theirs: rowsFrom(theirs, other, rows),
      };
    }
  }
  if (ours.rows === theirs.columns && ours.columns === theirs.rows && ours.rows > 1) {
    const turned = transposed(theirs);
    if (turned) yield { layout: [{ kind: 'transposed' }], ours, theirs: turned };
  }
  const isLike = ours.rows * ours.columns === theirs.rows * theirs.columns;
  if (isLike && !isSame) {
    yield { layout: [{ kind: 'reshaped' }], ours, theirs: reshaped(theirs, ours.rows, ours.columns) };
  }
  if (isLike && ours.rows > 1 && ours.columns > 1) {
    // Transposed, and then written under the shape that it had before.
    const turned = transposed(reshaped(theirs, ours.columns, ours.rows));
    if (turned) yield { layout: [{ kind: 'transposed' }, { kind: 'reshaped' }], ours, theirs: turned };
  }
  if (ours.columns === theirs.columns && !isSame) {
    const rows = Math.min(ours.rows, theirs.rows);
    const first = rowsFrom(theirs, 0, rows);
    yield { layout: [{ kind: 'first-rows', rows: theirs.rows }], ours: rowsFrom(ours, 0, rows), theirs: first };
  }
}

/** Heads in another order, told by which first rows of heads are nearest to each other. */
async function* headOrders(ours: Matrix, theirs: Matrix, rows: number, isTurned: boolean): AsyncGenerator<Undone> {
  const heads = ours.rows / rows;
  if (!Number.isInteger(heads) || heads < 2 || heads > 256) return;
  const firsts = async (m: Matrix) => Promise.all(Array.from({ length: heads }, (_, head) => m.read(head * rows, 1)));
  const [a, b] = [await firsts(ours), await firsts(theirs)];
  const order: number[] = [];
  for (const row of a) {
    const deltas = await Promise.all(b.map((other) => deltaOf(row, other)));
    order.push(deltas.indexOf(Math.min(...deltas)));
  }
  if (new Set(order).size !== heads || order.every((head, i) => head === i)) return;
  const move = (m: Matrix, at: (row: number) => number) =>
    rowsMoved(m, m.rows, (row) => (order[Math.floor(row / rows)] as number) * rows + at(row % rows));
  yield { layout: [{ kind: 'heads', order }], ours, theirs: move(theirs, (row) => row) };
  if (!isTurned) return;
  const both: Layout[] = [{ kind: 'heads', order }, { kind: 'half-split' }];
  yield { layout: both, ours, theirs: move(theirs, (row) => halves(row, rows)) };
}

async function deltaOf(a: Float32Array, b: Float32Array): Promise<number> {
  const row = (values: Float32Array) => ({ columns: values.length, read: async () => values });
  return (await measure(row(a), row(b), [{ firstRow: 0, rows: 1 }])).rel;
}

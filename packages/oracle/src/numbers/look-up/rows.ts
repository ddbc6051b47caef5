import { filled } from '../filled.js';
import { counted } from '../words.js';
import type { Idea } from '../wrong.js';
import type { Grid } from './grid.js';
import { type Called, orderOf } from './order.js';
import { rowsAs, sourcesOf } from './vectors.js';

/** What is measured a value by itself: as where the error is looked for, eight times the limit. */
export const within = ({ limits }: Grid): number => 8 * limits.rel;

/** A vector of fewer values is the same as another by chance. */
const ENOUGH = 4;

export const tokens = (grid: Grid): Called => ({
  one: 'token',
  many: 'tokens',
  before: ['the row of ', 'the rows of '],
  number: (row) => (grid.first ?? grid.c.firstPosition) + row,
});

/** The right rows of other tokens: whole rows, or those of some heads. */
export function* otherRows(grid: Grid): Generator<Idea> {
  const { sick, right, rows, width, heads } = grid;
  if (rows < 2 || width < ENOUGH) return;
  const whole = orderOf(sourcesOf(rowsAs(sick, width), rowsAs(right, width), within(grid)), tokens(grid));
  if (whole) yield { text: whole.text, rows: taken(right, width, (row) => whole.from[row] as number) };
  const size = width / heads;
  if (heads === 1 || size < ENOUGH) return;
  const orders = Array.from({ length: heads }, (_, head) => {
    const sources = sourcesOf(
      rowsAs(sick, width, head * size, size),
      rowsAs(right, width, head * size, size),
      within(grid),
    );
    return sources.every((own, row) => own.includes(row)) ? null : orderOf(sources, tokens(grid));
  });
  const moved = orders.flatMap((order, head) => (order === null ? [] : [head]));
  const texts = new Set(orders.flatMap((order) => (order === null ? [] : [order?.text])));
  const [text] = texts;
  if (texts.size !== 1 || text === undefined) return;
  yield {
    text: `in ${counted('head', moved)} ${text}`,
    rows: taken(right, width, (row, column) => orders[Math.floor(column / size)]?.from[row] ?? row),
  };
}

/** Each value from another row. */
export function taken(
  right: ArrayLike<number>,
  width: number,
  rowOf: (row: number, column: number) => number,
): Float64Array {
  return filled(right.length, (i) => right[rowOf(Math.floor(i / width), i % width) * width + (i % width)] as number);
}

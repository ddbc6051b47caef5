import { filled } from '../filled.js';
import type { Idea } from '../wrong.js';
import type { Grid } from './grid.js';

/** The same numbers in memory, read in another order of their dimensions. */
export function* otherLayout({ right, rows, width, heads }: Grid): Generator<Idea> {
  if (rows < 2) return;
  const size = width / heads;
  const read = (text: string, from: (row: number, column: number) => number): Idea => ({
    text,
    rows: filled(right.length, (i) => right[from(Math.floor(i / width), i % width)] as number),
  });
  yield read('the rows are written as (columns, tokens)', (row, column) => {
    const at = row * width + column;
    return (at % rows) * width + Math.floor(at / rows);
  });
  yield read('the rows are read as (columns, tokens)', (row, column) => column * rows + row);
  if (heads === 1) return;
  yield read('the rows are written as (heads, tokens, head_dim)', (row, column) => {
    const at = row * width + column;
    return (Math.floor(at / size) % rows) * width + Math.floor(at / (rows * size)) * size + (at % size);
  });
  yield read('the rows are read as (heads, tokens, head_dim)', (row, column) => {
    return Math.floor(column / size) * rows * size + row * size + (column % size);
  });
}

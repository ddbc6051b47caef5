import type { Idea } from '../wrong.js';
import { otherColumns } from './columns.js';
import type { Grid } from './grid.js';
import { otherLayout } from './layout.js';
import { otherRows } from './rows.js';

/** The right values of the stage itself, elsewhere in it. */
export function* lookUp(grid: Grid): Generator<Idea> {
  yield* otherRows(grid);
  yield* otherColumns(grid);
  yield* otherLayout(grid);
}

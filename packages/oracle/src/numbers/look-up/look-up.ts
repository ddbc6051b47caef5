import type { Idea, Wrong } from '../wrong.js';
import { otherColumns } from './columns.js';
import { otherLayout } from './layout.js';
import { otherRows } from './rows.js';

/** The right values of the stage itself, elsewhere in it. */
export function* lookUp(wrong: Wrong): Generator<Idea> {
  yield* otherRows(wrong);
  yield* otherColumns(wrong);
  yield* otherLayout(wrong);
}

import type { Wrong } from '../wrong.js';

/** Rows in which others are looked up: those of the stage, or those of something that it was computed from, solved for. */
export interface Grid extends Pick<Wrong, 'c' | 'rows' | 'width' | 'heads' | 'limits'> {
  readonly sick: ArrayLike<number>; // (rows, width)
  readonly right: ArrayLike<number>; // as sick
  /** The token of the first row; that of the case without it. */
  readonly first?: number;
}

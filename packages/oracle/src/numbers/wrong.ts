import { headsOf, operationOf, type StageCase } from '../case.js';
import { type Distance, distance, inLimits, isConfirmed, type Limits } from '../diagnose/distance.js';
import { NEAR } from '../diagnose/near.js';
import { wholeStage } from '../diagnose/sample.js';

/** A wrong stage: what it was computed from, and its rows on both sides. */
export interface Wrong {
  readonly c: StageCase;
  readonly sick: Float32Array; // (rows, width)
  readonly right: Float32Array; // as sick
  readonly rows: number;
  readonly width: number;
  /** 1 where the rows have none. */
  readonly heads: number;
  /** As sick: 1 for a value that the mask hides. */
  readonly hidden: Uint8Array;
  /** How far the right rows are from the sick ones. */
  readonly before: Distance;
  readonly limits: Limits;
}

/** What the wrong rows may be, and the rows that would then be there. Nothing in them is fitted: numbers that were are replaced by those that they are taken for. */
export interface Idea {
  readonly text: string;
  readonly rows: ArrayLike<number>; // (rows, width)
}

export function wrongOf(c: StageCase, sick: Float32Array, right: Float32Array, limits: Limits): Wrong {
  const { width, hidden } = wholeStage(c, sick, right);
  const heads = operationOf(c).heads ? headsOf(c) : 1;
  return {
    ...{ c, sick, right, limits, width, hidden, rows: c.rows },
    heads: width % heads === 0 ? heads : 1,
    before: distance(sick, right, width, hidden),
  };
}

/**
 * How far the rows of an idea are from the sick ones, if they are the same to within a fifth of the limits, as a whole, row by row and value by
 * value, and nothing like as far as the right ones are; undefined if not.
 */
export function heldTo({ sick, width, hidden, before, limits }: Wrong, { rows }: Idea): number | undefined {
  const left = distance(sick, rows, width, hidden);
  return isConfirmed(left, before, limits) && inLimits(left, limits) <= 2 / NEAR ? left.rel : undefined;
}

/** The position of a row. */
export const positionOf = ({ c }: Wrong, row: number): number => c.firstPosition + row;

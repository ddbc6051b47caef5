import { operationOf, type StageCase } from '../../case.js';
import { filled } from '../filled.js';
import { lookUp } from '../look-up/look-up.js';
import type { Idea, Wrong } from '../wrong.js';

/** Rows that a stage was computed from. */
export interface Input {
  readonly name: string;
  readonly rows: Float64Array; // (rows, width)
}

/** The rows of a stage's inputs, in the operation's order; undefined where nobody captured one. */
export const inputsOf = (c: StageCase): (Input | undefined)[] =>
  operationOf(c).inputs.map(({ stage }) => {
    const rows = c.inputs[stage];
    return rows && { name: stage, rows };
  });

/** What an operand must have been for a stage to be what it is, and what it should have been. */
export interface Operand {
  /** @example 'V' */
  readonly name: string;
  readonly solved: ArrayLike<number>;
  readonly right: ArrayLike<number>; // (rows, width)
  readonly rows: number;
  readonly heads?: number;
  /** How much further solving takes a value from what it was, relative to the operand. */
  readonly noise: number;
  /** The token of the first row. */
  readonly first?: number;
}

/** The right values of an operand elsewhere in it. @param compute the stage from them */
export function* elsewhere(
  { c, limits }: Wrong,
  { name, solved, right, rows, heads = 1, noise, first }: Operand,
  compute: (operand: Float64Array) => ArrayLike<number>,
): Generator<Idea> {
  const width = right.length / rows;
  const grid = { c, sick: solved, right, rows, width, heads, limits: { ...limits, rel: limits.rel * noise } };
  for (const idea of lookUp(first === undefined ? grid : { ...grid, first })) {
    yield { text: `of ${name}, ${idea.text}`, rows: compute(filled(idea.rows.length, (i) => idea.rows[i] as number)) };
  }
}

/** √(mean square) of the values that are numbers. */
export function rmsOf(values: ArrayLike<number>): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const square = (values[i] as number) ** 2;
    if (!Number.isFinite(square)) continue;
    sum += square;
    count++;
  }
  return Math.sqrt(sum / Math.max(1, count));
}

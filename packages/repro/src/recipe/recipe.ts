/** Rows one after another, as the check of every language has them. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** A weight of the model, of which a recipe has a part. */
export interface WeightPart {
  /** In the file. @example 'blk.3.attn_q.weight' */
  readonly name: string;
  readonly type: string;
  /** Of the whole tensor: (rows, columns). */
  readonly shape: readonly [number, number];
  /** Of the whole tensor as the file has it. */
  readonly sha256: string;
  /** Which of its rows these are; undefined where it is one row, or all are there. */
  readonly rows?: readonly number[] | undefined;
  /** The blocks of these rows as the file has them, of a quantised tensor. */
  readonly blocks?: Uint8Array | undefined;
}

/** What an operation is computed from, in a file of its own. */
export interface Input extends Matrix {
  /** Of the file, without its ending. @example 'blk.3.attn_q.weight' */
  readonly name: string;
  /** In the check. @example 'blk_3_attn_q_weight' */
  readonly variable: string;
  readonly what: string;
  readonly weight?: WeightPart;
}

/** A number that is counted with, one that is computed with, several of the former, a choice, or the name of a function. */
export type Value =
  | { readonly count: number }
  | { readonly real: number }
  | { readonly counts: readonly number[] }
  | { readonly is: boolean }
  | { readonly of: string };

/** One call of a function that every language has: matrices first, then what else it takes, by name. */
export interface Call {
  readonly out: string;
  readonly call: string;
  readonly matrices: readonly string[];
  readonly values: Readonly<Record<string, Value>>;
}

/** An operation as a few calls in a row, the last of which makes the rows in question. */
export interface Recipe {
  readonly inputs: readonly Input[];
  readonly calls: readonly Call[];
}

export const count = (value: number): Value => ({ count: value });
export const real = (value: number): Value => ({ real: value });
export const counts = (value: readonly number[]): Value => ({ counts: value });

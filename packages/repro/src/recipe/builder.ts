import type { Place } from '@llama-probe/dump/stage';
import type { CaseWeight, StageCase, StageOperation } from '@llama-probe/oracle';
import type { Inputs } from './inputs.js';
import type { Value } from './recipe.js';

/** What builds a recipe from its end: each operation asks for the columns of its inputs that it needs. */
export interface Builder {
  readonly c: StageCase;
  readonly inputs: Inputs;
  /** Which rows of the case are kept, and the positions that they have. */
  readonly rows: readonly number[];
  readonly positions: readonly number[];
  /** The rows of an input, or what computes them on the way. @param columns all of them without it @returns the variable */
  input(input: Place | StageOperation, columns?: readonly number[]): string;
  weight(name: string): CaseWeight;
  call(call: string, matrices: readonly string[], values?: Readonly<Record<string, Value>>): string;
}

import type { SickCase } from '@llama-probe/comparison';
import { operationOf, type StageCase } from '@llama-probe/oracle';
import { distance, evaluate } from './check/evaluate.js';
import { ReproError } from './errors.js';
import { build } from './recipe/build.js';
import type { Matrix, Recipe } from './recipe/recipe.js';
import { errorOf, type Selection, selected, selections, unitOf } from './recipe/selection.js';
import { isFeasible } from './recipe/size.js';

/** A case cut down to what still shows its fault. */
export interface Cut {
  readonly selection: Selection;
  /** undefined where nobody knows the operation. */
  readonly recipe?: Recipe | undefined;
  readonly wrong: Matrix;
  readonly right: Matrix;
  /** How far both are from the operation in float64, as relative RMS, and what rows may be. */
  readonly distances?: { readonly wrong: number; readonly right: number; readonly limit: number } | undefined;
}

/**
 * The smallest part of a case of which the operation in float64 says what llama.cpp says: that the candidate's rows are wrong, and llama.cpp's are
 * right. Where no part does, everything.
 *
 * @param isWrong false for a stage that is right: then it is enough that llama.cpp's rows are @param whole nothing is left out
 */
export async function cutDown(sick: SickCase, isWrong: boolean, whole = false): Promise<Cut> {
  const { case: c, right, fault } = sick;
  const width = right.length / c.rows;
  const of = [...selections(errorOf(sick.sick, right), right, c.rows, unitOf(c, operationOf(c), width))];
  const feasible = (whole ? of.slice(-1) : of).filter((selection) => isFeasible(c, selection));
  if (feasible.length === 0) throw tooLarge(c, whole);
  let cut: Cut | undefined;
  for (const selection of feasible) {
    const recipe = build(c, selection);
    const expected = await evaluate(recipe);
    const rows = partsOf(sick, selection);
    const off = {
      wrong: distance(rows.wrong.values, expected.values),
      right: distance(rows.right.values, expected.values),
    };
    const limit = limitBetween(off, fault.limits.row, isWrong);
    cut = { selection, recipe, ...rows, ...(limit === undefined ? {} : { distances: { ...off, limit } }) };
    if (limit !== undefined) return cut;
  }
  if (!cut) throw new Error(`${c.stage} has no rows.`);
  return cut;
}

function tooLarge({ stage, inputs }: StageCase, whole: boolean): ReproError {
  const what = `a test of ${stage} from ${Object.keys(inputs).join(', ')} needs more of the model's weights than a test can have`;
  const remedy = whole ? 'Leave out --whole' : 'Capture the stages that lie between them, too';
  return new ReproError('repro-inputs', `${what}. ${remedy}, and try again.`);
}

/** The worst row of a stage whose operation nobody knows, with all of its columns. */
export function worstRow(sick: SickCase): Cut {
  const { case: c, right } = sick;
  const width = right.length / c.rows;
  const [selection] = selections(errorOf(sick.sick, right), right, c.rows, width);
  return { selection: selection as Selection, ...partsOf(sick, selection as Selection) };
}

function partsOf({ case: c, sick, right }: SickCase, selection: Selection): Pick<Cut, 'wrong' | 'right'> {
  const width = right.length / c.rows;
  const size = { rows: selection.rows.length, columns: selection.columns.length };
  const part = (values: Float32Array): Matrix => ({ ...size, values: selected(values, width, selection) });
  return { wrong: part(sick), right: part(right) };
}

/**
 * What rows may be off to be right: what a row of the stage may be off from llama.cpp's, if that tells the two apart; else what lies between them,
 * if they are far apart. llama.cpp itself is not exact: it turns by angles in f32, and rounds what it multiplies where it is not `exact`.
 *
 * @returns undefined where the one cannot be told from the other
 */
export function limitBetween(
  { wrong, right }: { readonly wrong: number; readonly right: number },
  usual: number,
  isWrong: boolean,
): number | undefined {
  if (!Number.isFinite(right)) return undefined;
  if (!isWrong) return Math.max(usual, 3 * right);
  const isOver = !(wrong <= usual); // NaN is
  if (isOver && right <= usual / 3) return usual;
  const far = Number.isFinite(wrong) ? wrong : Number.POSITIVE_INFINITY;
  if (far < 10 * right) return undefined;
  return Number.isFinite(far) ? Math.sqrt(far * Math.max(right, far * 1e-4)) : Math.max(usual, 3 * right);
}

import type { Place } from '@llama-probe/dump/stage';
import { caseOf, isInner, operationOf, type StageCase, type StageOperation, weightName } from '@llama-probe/oracle';
import type { Selection } from './selection.js';

/** More numbers of weights than anybody puts into an issue: 128 MiB of them. */
const MOST_WEIGHTS = 2 ** 25;
/** More multiplications than are waited for. */
const MOST_PRODUCTS = 2 ** 31;

/** Whether a part of a case can be written down, and computed while somebody waits. */
export function isFeasible(c: StageCase, { rows, columns }: Selection): boolean {
  const weights = weightsOf(c, operationOf(c), columns.length);
  return weights <= MOST_WEIGHTS && weights * rows.length <= MOST_PRODUCTS;
}

/** How many numbers of weights some columns of an operation take, with what is computed on the way to it. */
function weightsOf(c: StageCase, operation: StageOperation, columns: number): number {
  const { op, inputs } = operation;
  const isProduct = op === 'product' || op === 'expert-product';
  const weight = isProduct ? c.model.weight(weightName(caseOf(c, operation)) ?? '') : undefined;
  const inner = inputs.filter((input: Place | StageOperation) => isInner(input));
  // What goes into a product is needed whole, and so is what goes into attention.
  const isWhole = weight !== undefined || op === 'scores' || op === 'values' || op === 'rms-norm';
  const behind = inner.map((input) => weightsOf(c, input, isWhole ? Number.POSITIVE_INFINITY : columns));
  const own = weight ? Math.min(columns, weight.rows) * weight.columns : 0;
  return own + behind.reduce((a, b) => a + b, 0);
}

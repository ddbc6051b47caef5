import { operationOf, type StageCase } from './case.js';
import { hasOperation, type Operation } from './stage-operations.js';
import { computeActivation } from './variants/activation.js';
import { computeEmbedding } from './variants/embedding.js';
import { computeNorm, computeNormWeight } from './variants/norm.js';
import { finish, selectColumns } from './variants/output.js';
import { computeProduct } from './variants/product.js';
import { computeResidual } from './variants/residual.js';
import { computeRope } from './variants/rope.js';
import { computeScores } from './variants/scores.js';
import { computeSoftMax } from './variants/soft-max.js';
import { computeValues } from './variants/values.js';
import type { Variation } from './variation.js';

/** One operation: all columns, or only those asked for. */
type Compute = (c: StageCase, v: Variation, columns?: Int32Array) => Float64Array;

/** An operation that computes whole rows. */
const whole =
  (compute: (c: StageCase, v: Variation) => Float64Array): Compute =>
  (c, v, columns) =>
    selectColumns(compute(c, v), c.rows, columns);

const COMPUTE: Readonly<Record<Operation, Compute>> = {
  'get-rows': whole(computeEmbedding),
  'rms-norm': whole(computeNorm),
  mul: whole(computeNormWeight),
  product: computeProduct,
  rope: whole(computeRope),
  scores: whole(computeScores),
  'soft-max': whole(computeSoftMax),
  values: whole(computeValues),
  swiglu: whole(computeActivation),
  add: whole(computeResidual),
};

/** Whether `computeStage` knows a stage. */
export const canCompute: (stage: string) => boolean = hasOperation;

/**
 * One stage from its inputs, in float64: the right rows, or what a bug makes of them.
 *
 * @param c the stage and all it is computed from
 * @param v how the computation differs; {} gives the right rows
 * @param columns only these columns of each row; a product then reads only the weights that they need
 * @returns (rows, width), or (rows, columns.length)
 * Source: each operation's formula in the file of its name.
 * @example computeStage(c, { rope: { pairs: 'halves' } }) // q_rope, turned in halves
 */
export function computeStage(c: StageCase, v: Variation = {}, columns?: Int32Array): Float64Array {
  const rows = COMPUTE[operationOf(c).op](c, v, columns);
  return v.output ? finish(rows, c.rows, v.output, columns) : rows;
}

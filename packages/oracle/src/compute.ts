import type { StageCase } from './case.js';
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

/** One family of stages: all columns, or only those asked for. */
type Compute = (c: StageCase, v: Variation, columns?: Int32Array) => Float64Array;

/** A family that computes whole rows. */
const whole =
  (compute: (c: StageCase, v: Variation) => Float64Array): Compute =>
  (c, v, columns) =>
    selectColumns(compute(c, v), c.rows, columns);

const FAMILY: Readonly<Record<string, Compute>> = {
  embd: whole(computeEmbedding),
  attn_rms: whole(computeNorm),
  attn_norm: whole(computeNormWeight),
  q_proj: computeProduct,
  k_proj: computeProduct,
  v_proj: computeProduct,
  q_rope: whole(computeRope),
  k_rope: whole(computeRope),
  kq: whole(computeScores),
  kq_soft_max: whole(computeSoftMax),
  kqv_out: whole(computeValues),
  attn_out: computeProduct,
  ffn_inp: whole(computeResidual),
  ffn_rms: whole(computeNorm),
  ffn_norm: whole(computeNormWeight),
  ffn_gate: computeProduct,
  ffn_up: computeProduct,
  ffn_swiglu: whole(computeActivation),
  ffn_out: computeProduct,
  l_out: whole(computeResidual),
  result_rms: whole(computeNorm),
  result_norm: whole(computeNormWeight),
  result_output: computeProduct,
};

/** Whether `computeStage` knows a stage. */
export const canCompute = (stage: string): boolean => Object.hasOwn(FAMILY, stage);

/**
 * One stage from its inputs, in float64: the right rows, or what a bug makes of them.
 *
 * @param c the stage and all it is computed from
 * @param v how the computation differs; {} gives the right rows
 * @param columns only these columns of each row; a product then reads only the weights that they need
 * @returns (rows, width), or (rows, columns.length)
 * Source: each family's formula in the file of its name.
 * @example computeStage(c, { rope: { pairs: 'halves' } }) // q_rope, turned in halves
 */
export function computeStage(c: StageCase, v: Variation = {}, columns?: Int32Array): Float64Array {
  const compute = FAMILY[c.stage];
  if (!compute) {
    throw new Error(
      `${c.stage} is no stage of the vocabulary, so nothing says how it is computed; ask canCompute first.`,
    );
  }
  const rows = compute(c, v, columns);
  return v.output ? finish(rows, c.rows, v.output, columns) : rows;
}

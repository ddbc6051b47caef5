import { caseOf, operationOf, rowsBehind, type StageCase } from './case.js';
import { hasOperation, isInner, type Operation, type StageOperation } from './stage-operations.js';
import { computeActivation, computeUngated } from './variants/activation.js';
import { computeBoundedUnit } from './variants/bounded-unit.js';
import { computeEmbedding } from './variants/embedding.js';
import {
  computeChosen,
  computeClamp,
  computeExpertBias,
  computeExpertProduct,
  computeExpertSum,
  computeProbabilities,
  computeQuotient,
  computeRowSum,
  computeSigmoid,
  computeTopK,
  computeWeighted,
} from './variants/experts.js';
import { computeConcat, computeHeadProduct } from './variants/latent.js';
import { computeNorm, computeNormWeight } from './variants/norm.js';
import { computeSoftCap, finish, selectColumns } from './variants/output.js';
import { computePart } from './variants/part.js';
import { computeBias, computeProduct } from './variants/product.js';
import { computeResidual } from './variants/residual.js';
import { computeRope } from './variants/rope.js';
import { computeScale } from './variants/scale.js';
import { ALL_SCORES, allScores, computeScores } from './variants/scores.js';
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
  'layer-norm': whole(computeNorm),
  mul: whole(computeNormWeight),
  part: whole(computePart),
  concat: whole(computeConcat),
  product: computeProduct,
  'head-product': whole(computeHeadProduct),
  rope: whole(computeRope),
  scores: whole(computeScores),
  'soft-max': whole(computeSoftMax),
  values: whole(computeValues),
  swiglu: whole(computeActivation),
  activation: whole(computeUngated),
  add: whole(computeResidual),
  bias: whole(computeBias),
  scale: whole(computeScale),
  'soft-cap': whole(computeSoftCap),
  probabilities: whole(computeProbabilities),
  sigmoid: whole(computeSigmoid),
  clamp: whole(computeClamp),
  'top-k': whole(computeTopK),
  chosen: whole(computeChosen),
  'row-sum': whole(computeRowSum),
  quotient: whole(computeQuotient),
  'expert-product': computeExpertProduct,
  'expert-bias': whole(computeExpertBias),
  'bounded-unit': whole(computeBoundedUnit),
  weighted: whole(computeWeighted),
  'expert-sum': whole(computeExpertSum),
};

/** Whether `computeStage` knows a stage. */
export const canCompute = ({ stage, operation }: Pick<StageCase, 'stage' | 'operation'>): boolean =>
  operation !== undefined || hasOperation(stage);

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
  const operation = operationOf(c);
  const rows = COMPUTE[operation.op](withInner(c, operation, v), v, columns);
  return v.output ? finish(rows, c.rows, v.output, columns) : rows;
}

/** A softmax's scores, those that its mask hides included. @param c one that `hasAllScores` @returns (rows, heads · n_kv) */
export const computeAllScores = (c: StageCase): Float64Array => allScores(withInner(c, operationOf(c), {}));

/** The case with the rows of what is computed on the way to its stage. A bug of one of those operations is in there. */
function withInner(c: StageCase, { inputs, scores }: StageOperation, { output: _, ...v }: Variation): StageCase {
  const inner = [...inputs, ...(scores?.inputs ?? [])].filter(isInner).filter(({ stage }) => !c.inputs[stage]);
  if (inner.length === 0) return c;
  const isThere = (one: StageOperation) => [...rowsBehind(one)].every(({ stage }) => c.inputs[stage]);
  const rows = inner.filter(isThere).map((one) => [one.stage, computeStage(caseOf(c, one), v)] as const);
  const found = { ...c, inputs: { ...c.inputs, ...Object.fromEntries(rows) } };
  const [capped] = inputs;
  if (v.softMax?.hidden !== 'scores' || !scores || !capped || !isInner(capped)) return found;
  // What comes between scores and softmax is there for those too that the mask hides.
  const all = caseOf({ ...c, inputs: { ...c.inputs, [scores.stage]: allScores(found) } }, capped);
  return { ...found, inputs: { ...found.inputs, [ALL_SCORES]: computeStage(all, v) } };
}

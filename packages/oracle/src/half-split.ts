import type { CaseModel, CaseWeight, StageCase } from './case.js';
import { isInner, type StageOperation } from './stage-operations.js';
import { permutation } from './variants/order.js';
import { withParts } from './with-parts.js';

/** Whose rows are Q or K. */
const ORDERED: ReadonlySet<string> = new Set(['q_proj', 'k_proj', 'q_rope', 'k_rope']);
/** What is made of these, or makes them. */
const COMPUTED: ReadonlySet<string> = new Set([...ORDERED, 'kq']);
const OF_THEM = /^blk\.\d+\.attn_[qk]\.(weight|bias)$/;
/** With V, which is in no order, as the last of three. */
const FUSED = /^blk\.\d+\.attn_qkv\.(weight|bias)$/;

/** A case with what an engine made of it and what is right. */
interface Rows {
  readonly case: StageCase;
  readonly sick: Float32Array;
  readonly right: Float32Array;
}

/**
 * A stage of Q or K as an engine has it that keeps them as Hugging Face does, whose rows were put into the order of the file: its rows, the rows of both weights and
 * the pairs of its rotation are as they were again. A bug of such an engine is a bug in that order: what it makes of a transposed weight is no transposed weight of the file.
 *
 * @returns as it is for any other stage
 * @example inHalves({ case: caseOfQRope, sick, right }).case.model.config.ropePairs // 'halves'
 */
export function inHalves<T extends Rows>(rows: T): T {
  const { case: c, sick, right } = rows;
  if (!COMPUTED.has(c.stage)) return rows;
  const { headDim } = c.model.config;
  const ordered = <V extends Float32Array | Float64Array>(values: V): V => {
    const order = permutation(headDim, { to: 'halves', heads: 1 });
    return values.map((_, i) => values[i - (i % headDim) + (order[i % headDim] as number)] as number) as V;
  };
  const inputs = Object.entries(c.inputs).map(([name, values]) => [name, ORDERED.has(name) ? ordered(values) : values]);
  const found: StageCase = {
    ...c,
    inputs: Object.fromEntries(inputs),
    ...(c.cache ? { cache: ordered(c.cache) } : {}),
    ...(c.operation ? { operation: turningHalves(c.operation) } : {}),
    model: { ...c.model, config: { ...c.model.config, ropePairs: 'halves' }, weight: weightsOf(c) },
  };
  const isOrdered = ORDERED.has(c.stage);
  return { ...rows, case: found, sick: isOrdered ? ordered(sick) : sick, right: isOrdered ? ordered(right) : right };
}

function turningHalves(operation: StageOperation): StageOperation {
  const { config, inputs, scores } = operation;
  return {
    ...operation,
    inputs: inputs.map((input) => (isInner(input) ? turningHalves(input) : input)),
    ...(scores ? { scores: turningHalves(scores) } : {}),
    ...(config ? { config: { ...config, ropePairs: 'halves' } } : {}),
  };
}

/** By the function that reads those of the file: cases of one model share it. */
const known = new WeakMap<CaseModel['weight'], CaseModel['weight']>();

function weightsOf({ model: { weight, config } }: StageCase): CaseModel['weight'] {
  const before = known.get(weight);
  if (before) return before;
  const { headCount, headCountKv, headDim } = config;
  const made = new Map<string, CaseWeight | undefined>();
  const ordered = withParts((name) => {
    const isFused = FUSED.test(name);
    if (!isFused && !OF_THEM.test(name)) return weight(name);
    if (!made.has(name))
      made.set(name, inOrder(weight(name), headDim, isFused ? (headCount + headCountKv) * headDim : undefined));
    return made.get(name);
  });
  known.set(weight, ordered);
  return ordered;
}

/** The rows of a matrix, or the numbers of a bias, a head at a time. @param count how many of them, the first ones; all without it */
function inOrder(weight: CaseWeight | undefined, headDim: number, count?: number): CaseWeight | undefined {
  if (!weight) return undefined;
  const { bytes, rows, columns, numbers } = weight;
  const outputs = rows > 1 ? rows : columns;
  const ordered = count ?? outputs;
  const order = permutation(ordered, { to: 'halves', heads: ordered / headDim });
  const moved = <V extends Uint8Array | Float64Array>(from: V): V => {
    const to = from.slice() as V;
    const size = from.length / outputs;
    order.forEach((source, i) => {
      to.set(from.subarray(source * size, (source + 1) * size), i * size);
    });
    return to;
  };
  return { ...weight, bytes: moved(bytes), ...(numbers ? { numbers: moved(numbers) } : {}) };
}

import { operationOf, type StageCase, weightName } from '../../case.js';
import type { Operation } from '../../stage-operations.js';

/** A number of the model that a constant may be made of. */
export interface Quantity {
  /** GGUF's word for it, or the field's; where several have this value, the value. */
  readonly name: string;
  readonly value: number;
  /** What has this value, where that is not told by the name. @example '8 is n_head or n_layer' */
  readonly meaning?: string;
}

type Name = keyof ReturnType<typeof all>;

/** What an operation could have got wrong: a norm knows nothing of heads. */
const OF: Readonly<Record<Operation, readonly Name[]>> = {
  'get-rows': ['n_embd', 'n_vocab'],
  'rms-norm': ['n_embd'],
  'layer-norm': ['n_embd'],
  mul: ['n_embd'],
  part: [],
  concat: [],
  'head-product': ['n_in', 'n_out'],
  product: ['n_in', 'n_out', 'head_dim'],
  bias: ['n_in', 'head_dim'],
  rope: ['head_dim', 'n_rot', 'rope_factor'],
  scores: ['head_dim', '(n_embd/n_head)', 'n_embd', 'n_head', 'n_head_kv', 'group'],
  'soft-max': ['head_dim', '(n_embd/n_head)', 'n_embd', 'n_q', 'n_head', 'n_head_kv', 'group'],
  values: ['head_dim', 'n_head', 'n_head_kv', 'group'],
  swiglu: ['n_ff', 'n_embd'],
  activation: [],
  add: ['n_layer', '(2 n_layer)', 'n_embd'],
  scale: ['n_embd', 'n_layer'],
  'soft-cap': ['head_dim', 'n_embd'],
  probabilities: ['n_expert'],
  weighted: ['n_embd'],
  // Of one expert of many, whose rows are many times as wide: nothing is known that would not be a coincidence.
  sigmoid: [],
  clamp: [],
  'top-k': [],
  chosen: [],
  'row-sum': [],
  quotient: [],
  'expert-product': [],
  'expert-bias': [],
  'bounded-unit': [],
  'expert-sum': [],
};

/** The quantities of a stage, those of one value as one. @param width of its rows */
export function quantitiesOf(c: StageCase, width: number): Quantity[] {
  const known = all(c, width);
  const names = new Map<number, string[]>();
  for (const name of OF[operationOf(c).op]) {
    const value = known[name];
    if (value !== undefined && value > 0 && value !== 1) names.set(value, [...(names.get(value) ?? []), name]);
  }
  return [...names].map(([value, [name = '', ...others]]) => ({
    ...{ name: others.length === 0 ? name : String(value), value },
    ...(others.length === 0 ? {} : { meaning: `${value} is ${[name, ...others].join(' or ')}` }),
  }));
}

function all(c: StageCase, width: number) {
  const { embeddingLength, headCount, headCountKv, headDim, ropeDims, ropeFreqScale } = c.model.config;
  const name = weightName(c);
  const weight = name === undefined ? undefined : c.model.weight(name);
  return {
    n_embd: embeddingLength,
    n_vocab: c.model.weight('token_embd.weight')?.rows,
    n_layer: c.model.layers,
    /** What residuals are scaled by, in GPT-2: there are two in a layer. */
    '(2 n_layer)': 2 * c.model.layers,
    n_head: headCount,
    n_head_kv: headCountKv,
    /** Query heads that share a KV head. */
    group: headCount / headCountKv,
    head_dim: headDim,
    n_q: headCount * headDim,
    /** What head_dim is in most models. */
    '(n_embd/n_head)': embeddingLength / headCount,
    n_rot: ropeDims,
    rope_factor: 1 / ropeFreqScale,
    n_ff: width,
    n_in: weight?.columns,
    n_out: weight?.rows,
    n_expert: width,
  };
}

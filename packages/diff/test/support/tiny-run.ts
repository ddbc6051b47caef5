import type { Tensor } from '@llama-probe/dump';
import { forward, type OracleModel, type OracleStage } from '@llama-probe/oracle';
import { llamaModel, llamaShapes, seeded } from '@llama-probe/testing';

export const HEADS = 4;
export const HEADS_KV = 2;
export const HEAD_DIM = 8;
export const LAYERS = 3;
const N_EMBD = 32;

/** Fresh at every run; the seed is printed. */
export const next = seeded();

const SIZES = {
  ...{ layers: LAYERS, embd: N_EMBD, heads: HEADS, kvHeads: HEADS_KV, headDim: HEAD_DIM },
  ...{ ff: 48, vocab: 16, context: 16 },
};
const CONFIG = {
  embeddingLength: N_EMBD,
  headCount: HEADS,
  headCountKv: HEADS_KV,
  headDim: HEAD_DIM,
  rmsEpsilon: 1e-5,
  ropeFreqBase: 100,
  ropeFreqScale: 1,
  attentionScale: 1 / Math.sqrt(HEAD_DIM),
};

/** A Llama of three small layers with fresh random weights. */
export function tinyModel(): OracleModel {
  const weights = new Map<string, Float64Array>();
  for (const [name, shape] of llamaShapes(SIZES)) {
    const length = shape.reduce((a, b) => a * b);
    weights.set(
      name,
      Float64Array.from({ length }, () => next() * 2 - 1),
    );
  }
  return llamaModel(CONFIG, LAYERS, (name) => weights.get(name));
}

/** Makes other values of a stage; what follows is computed from them. @param stages what the pass has made so far, as the engine has it */
export type Fault = (at: OracleStage, stages: ReadonlyMap<string, Float64Array>) => Float64Array | undefined;

export interface TinyRun {
  readonly model?: OracleModel;
  readonly fault?: Fault | undefined;
  /** How the engine keeps a value. */
  readonly round?: (value: number) => number;
  readonly order?: 'engine' | 'llama';
  /** How many tokens each pass takes, and of which step it is. */
  readonly passes?: readonly { step: number; tokens: number }[];
}

export const TOKENS = [1, 5, 9, 2, 14, 7];
const ONE_PASS = [{ step: 0, tokens: TOKENS.length }];
// llama.cpp rotates Q before it projects V and K.
const LLAMA_ORDER = ['q_proj', 'q_rope', 'v_proj', 'k_proj', 'k_rope'];

/** The tensors of a run, as an engine or llama.cpp would give them. */
export function tinyRun({
  model = tinyModel(),
  fault,
  round = Math.fround,
  order = 'engine',
  passes = ONE_PASS,
}: TinyRun = {}): Tensor[] {
  const made = new Map<string, Float64Array>();
  const stages: OracleStage[] = [];
  forward(model, TOKENS, (at) => {
    const values = (fault?.(at, made) ?? at.values).map((value) => round(value));
    made.set(`${at.stage}/${at.layer}`, values);
    stages.push({ ...at, values });
    return values;
  });
  if (order === 'llama') sortProjections(stages);
  const tensors: Tensor[] = [];
  let first = 0;
  for (const { step, tokens } of passes) {
    for (const at of stages) tensors.push(cut(at, step, first, tokens, tensors.length));
    first += tokens;
  }
  return tensors;
}

/** The rows of one pass; scores have the positions up to its last one. */
function cut(
  { stage, layer, width, values }: OracleStage,
  step: number,
  first: number,
  count: number,
  order: number,
): Tensor {
  const tokens = Int32Array.from({ length: count }, (_, row) => first + row);
  const rows = values.subarray(first * width, (first + count) * width);
  if (stage !== 'kq' && stage !== 'kq_soft_max')
    return { step, order, layer, stage, positions: tokens, width, values: Float32Array.from(rows) };
  const all = width / HEADS;
  const seen = first + count;
  return {
    step,
    order,
    layer,
    stage,
    positions: tokens,
    width: HEADS * seen,
    values: Float32Array.from(rows.filter((_, i) => i % all < seen)),
  };
}

function sortProjections(stages: OracleStage[]): void {
  for (let i = 0; i < stages.length; i++) {
    if (stages[i]?.stage !== 'q_proj') continue;
    const rank = ({ stage }: OracleStage) => LLAMA_ORDER.indexOf(stage);
    const projections = stages.slice(i, i + LLAMA_ORDER.length).sort((a, b) => rank(a) - rank(b));
    stages.splice(i, projections.length, ...projections);
  }
}

/** As a type of so many bits of fraction keeps it; below the smallest exponent the steps no longer get finer. */
const rounded = (bits: number, smallest: number) => (value: number) => {
  if (value === 0 || !Number.isFinite(value)) return value;
  const step = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), smallest) - bits);
  return Math.round(value / step) * step;
};
export const f16 = rounded(10, -14);
export const bf16 = rounded(7, -126);

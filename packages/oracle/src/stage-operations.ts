import { type Graph, llamaGraph, type Place } from '@llama-probe/dump/stage';

/** What is computed at a stage. */
export type Operation =
  | 'get-rows'
  | 'rms-norm'
  | 'mul'
  | 'product'
  | 'rope'
  | 'scores'
  | 'soft-max'
  | 'values'
  | 'swiglu'
  | 'add';

/** All that the oracle knows of a stage by its name. */
export interface StageOperation extends Place {
  readonly op: Operation;
  /** The stages that it is computed from, in the operation's order. Keys and values come through the cache if a case has one. */
  readonly inputs: readonly Place[];
  /** The weight that it reads: its name in the file without layer and suffix, such as `attn_q`. */
  readonly weight?: string;
  /** The weight that it reads if the file does not have that one: a tied head. */
  readonly tied?: string;
  /** Which heads its rows are made of. */
  readonly heads?: 'query' | 'kv';
  /** For a residual addition: the weight of the norm that reads the same residual stream. */
  readonly norm?: string;
}

/** Llama's stages. Only here does the oracle go by a stage's name; what a stage is computed from is in the dump's vocabulary. */
const OPERATIONS: Readonly<Record<string, Omit<StageOperation, keyof Place | 'inputs'>>> = {
  embd: { op: 'get-rows', weight: 'token_embd' },
  attn_rms: { op: 'rms-norm' },
  attn_norm: { op: 'mul', weight: 'attn_norm' },
  q_proj: { op: 'product', weight: 'attn_q', heads: 'query' },
  k_proj: { op: 'product', weight: 'attn_k', heads: 'kv' },
  v_proj: { op: 'product', weight: 'attn_v', heads: 'kv' },
  q_rope: { op: 'rope', heads: 'query' },
  k_rope: { op: 'rope', heads: 'kv' },
  kq: { op: 'scores', heads: 'query' },
  kq_soft_max: { op: 'soft-max', heads: 'query' },
  kqv_out: { op: 'values', heads: 'query' },
  attn_out: { op: 'product', weight: 'attn_output' },
  ffn_inp: { op: 'add', norm: 'attn_norm' },
  ffn_rms: { op: 'rms-norm' },
  ffn_norm: { op: 'mul', weight: 'ffn_norm' },
  ffn_gate: { op: 'product', weight: 'ffn_gate' },
  ffn_up: { op: 'product', weight: 'ffn_up' },
  ffn_swiglu: { op: 'swiglu' },
  ffn_out: { op: 'product', weight: 'ffn_down' },
  l_out: { op: 'add', norm: 'ffn_norm' },
  result_rms: { op: 'rms-norm' },
  result_norm: { op: 'mul', weight: 'output_norm' },
  result_output: { op: 'product', weight: 'output', tied: 'token_embd' },
};

/** The stages that are the product of a weight, in evaluation order. */
export const PRODUCT_STAGES: readonly string[] = Object.keys(OPERATIONS).filter(
  (stage) => OPERATIONS[stage]?.op === 'product',
);

/** Whether it is known what a stage computes. */
export const hasOperation = (stage: string): boolean => Object.hasOwn(OPERATIONS, stage);

/**
 * What is computed at a place of a model.
 *
 * @param layers how many the model has
 * @throws Error for a name that is no stage of the vocabulary
 * @example operationAt({ stage: 'attn_rms', layer: 3 }, 8) // an rms-norm of l_out of layer 2
 */
export function operationAt({ stage, layer }: Place, layers: number): StageOperation {
  const known = hasOperation(stage) ? OPERATIONS[stage] : undefined;
  if (!known) {
    throw new Error(
      `${stage} is no stage of the vocabulary, so nothing says how it is computed; ask canCompute first.`,
    );
  }
  return { stage, layer, inputs: graphOf(layers).inputsOf({ stage, layer }), ...known };
}

const graphs = new Map<number, Graph>(); // by the number of layers

function graphOf(layers: number): Graph {
  const known = graphs.get(layers);
  if (known) return known;
  const graph = llamaGraph({ layers });
  graphs.set(layers, graph);
  return graph;
}

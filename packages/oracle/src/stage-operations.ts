import { type Graph, llamaGraph, type Place } from '@llama-probe/dump/stage';
import type { OracleConfig } from './model.js';
import type { Activation } from './variants/activations.js';

/** What is computed at a stage. */
export type Operation =
  | 'get-rows'
  | 'rms-norm'
  | 'layer-norm'
  | 'mul'
  | 'part'
  | 'concat'
  | 'product'
  | 'head-product'
  | 'rope'
  | 'scores'
  | 'soft-max'
  | 'values'
  | 'swiglu'
  | 'activation'
  | 'add'
  | 'bias'
  | 'scale'
  | 'soft-cap'
  | 'probabilities'
  | 'sigmoid'
  | 'clamp'
  | 'top-k'
  | 'chosen'
  | 'row-sum'
  | 'quotient'
  | 'expert-product'
  | 'expert-bias'
  | 'bounded-unit'
  | 'weighted'
  | 'expert-sum';

/** All that the oracle knows of a stage by its name. */
export interface StageOperation extends Place {
  readonly op: Operation;
  /**
   * What it is computed from, in the operation's order. Keys and values come through the cache if a case has one. What has an operation of its
   * own is no stage of the run, and is computed on the way.
   */
  readonly inputs: readonly (Place | StageOperation)[];
  /** The weight that it reads: its name in the file without layer and suffix, such as `attn_q`. */
  readonly weight?: string;
  /** Of a weight that is several in one, such as a fused QKV: which of its rows, from the first to the one behind the last. */
  readonly rowsOfWeight?: readonly [number, number];
  /** The weight that it reads if the file does not have that one: a tied head. */
  readonly tied?: string;
  /** Which heads its rows are made of. */
  readonly heads?: 'query' | 'kv';
  /** For a residual addition: the weight of the norm that reads the same residual stream. */
  readonly norm?: string;
  /** `false` for a product to which a bias that the file has is added by another node; a bias that is not named after the weight. */
  readonly bias?: false | string;
  /** For a softmax: the tensor with a score more for each head, which takes its share of the sum and is no position. */
  readonly sinks?: string;
  /** For a softmax: what its scores are computed from. Without it they are a Llama's. */
  readonly scores?: StageOperation;
  /** For the weighted rows of experts: the same rows before the bias of each was added. */
  readonly unbiased?: Place;
  /** How long each part of a row is that is computed on its own: the row of one expert. */
  readonly part?: number;
  /** Of a part of each row: where its pieces of `part` values begin, from the row's first value on. */
  readonly begins?: readonly number[];
  /** Of rows beside each other: how long the pieces of each input are. */
  readonly lengths?: readonly number[];
  /** Of scores and values in latent attention, whose keys and values are one row in the cache: how many of its values are V, its first ones. */
  readonly latent?: number;
  /** How many experts a weight has, one below the other. */
  readonly experts?: number;
  /** How many of the highest a choice takes. */
  readonly count?: number;
  /** What a clamp keeps its values between. */
  readonly bounds?: readonly [number, number];
  /** Of a bounded gated unit: what its gate is multiplied by within the sigmoid, and what gate and up are kept within. */
  readonly bounded?: { readonly alpha: number; readonly limit: number };
  /** What the gate goes through, or all values where there is none; SiLU without it. */
  readonly activation?: Activation;
  /** What a scale multiplies by, and what a soft-cap keeps within ±. */
  readonly factor?: number;
  /** What its node says of the model, which may differ from layer to layer; without it the case's model says it. */
  readonly config?: OracleConfig;
  /** The stage of a Llama that does the same: its known bugs may be here too. Without it that of its own name. */
  readonly role?: string;
}

/** An input that is no stage of the run. */
export const isInner = (input: Place | StageOperation): input is StageOperation => 'op' in input;

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

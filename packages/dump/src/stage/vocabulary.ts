import { Graph, type GraphStage, type Heads, type Op, type RowKind } from './graph.js';
import type { Place } from './place.js';

/**
 * The vocabulary of stages, in evaluation order: llama.cpp's own node names wherever they are unique, and what a Llama computes each from.
 *
 * `perLayer` stages repeat in every layer. `width` names the width of one row (one token position).
 * Any other name is a producer's own node: it can be captured and compared, but the engine does not compute it.
 */
export interface Stage {
  readonly name: string;
  readonly perLayer: boolean;
  readonly op: Op;
  readonly width: RowWidth;
  /** The stages that it is computed from; `inp` is the residual stream as it enters the layer. */
  readonly inputs: readonly string[];
  /** An input that earlier positions supply too, through the KV cache. */
  readonly cached?: string;
}

export type RowWidth = 'n_embd' | 'n_q' | 'n_k' | 'heads_n_kv' | 'n_ff' | 'n_vocab';

export const STAGES = [
  { name: 'embd', perLayer: false, op: 'GET_ROWS', width: 'n_embd', inputs: [] },
  { name: 'attn_rms', perLayer: true, op: 'RMS_NORM', width: 'n_embd', inputs: ['inp'] },
  { name: 'attn_norm', perLayer: true, op: 'MUL', width: 'n_embd', inputs: ['attn_rms'] },
  { name: 'q_proj', perLayer: true, op: 'MUL_MAT', width: 'n_q', inputs: ['attn_norm'] },
  { name: 'k_proj', perLayer: true, op: 'MUL_MAT', width: 'n_k', inputs: ['attn_norm'] },
  { name: 'v_proj', perLayer: true, op: 'MUL_MAT', width: 'n_k', inputs: ['attn_norm'] },
  { name: 'q_rope', perLayer: true, op: 'ROPE', width: 'n_q', inputs: ['q_proj'] },
  { name: 'k_rope', perLayer: true, op: 'ROPE', width: 'n_k', inputs: ['k_proj'] },
  { name: 'kq', perLayer: true, op: 'MUL_MAT', width: 'heads_n_kv', inputs: ['q_rope', 'k_rope'], cached: 'k_rope' },
  { name: 'kq_soft_max', perLayer: true, op: 'SOFT_MAX', width: 'heads_n_kv', inputs: ['kq'] },
  { name: 'kqv_out', perLayer: true, op: 'MUL_MAT', width: 'n_q', inputs: ['kq_soft_max', 'v_proj'], cached: 'v_proj' },
  { name: 'attn_out', perLayer: true, op: 'MUL_MAT', width: 'n_embd', inputs: ['kqv_out'] },
  { name: 'ffn_inp', perLayer: true, op: 'ADD', width: 'n_embd', inputs: ['attn_out', 'inp'] },
  { name: 'ffn_rms', perLayer: true, op: 'RMS_NORM', width: 'n_embd', inputs: ['ffn_inp'] },
  { name: 'ffn_norm', perLayer: true, op: 'MUL', width: 'n_embd', inputs: ['ffn_rms'] },
  { name: 'ffn_gate', perLayer: true, op: 'MUL_MAT', width: 'n_ff', inputs: ['ffn_norm'] },
  { name: 'ffn_up', perLayer: true, op: 'MUL_MAT', width: 'n_ff', inputs: ['ffn_norm'] },
  { name: 'ffn_swiglu', perLayer: true, op: 'SWIGLU', width: 'n_ff', inputs: ['ffn_gate', 'ffn_up'] },
  { name: 'ffn_out', perLayer: true, op: 'MUL_MAT', width: 'n_embd', inputs: ['ffn_swiglu'] },
  { name: 'l_out', perLayer: true, op: 'ADD', width: 'n_embd', inputs: ['ffn_out', 'ffn_inp'] },
  { name: 'result_rms', perLayer: false, op: 'RMS_NORM', width: 'n_embd', inputs: ['inp'] },
  { name: 'result_norm', perLayer: false, op: 'MUL', width: 'n_embd', inputs: ['result_rms'] },
  { name: 'result_output', perLayer: false, op: 'MUL_MAT', width: 'n_vocab', inputs: ['result_norm'] },
] as const satisfies readonly Stage[];

export type StageName = (typeof STAGES)[number]['name'];

export const STAGE_NAMES: readonly StageName[] = STAGES.map((stage) => stage.name);

/** Whether a name is of a mixture of experts, whose nodes belong to the vocabulary though a Llama without experts has none of them. */
export const isOfExperts = (stage: string): boolean => stage.startsWith('ffn_moe_');

const NAMES: ReadonlySet<string> = new Set(STAGE_NAMES);

/** The names of latent attention, where the cache has a narrow row for all heads, and of each head and of that row only a part is turned. */
const OF_LATENT_ATTENTION: ReadonlySet<string> = new Set([
  ...['attn_q_a', 'attn_q_a_norm', 'q_pe'],
  ...['kv_cmpr_pe', 'kv_cmpr', 'k_pe', 'Kcur'],
]);

/** Whether a name is one of the table. */
export const isStageName = (stage: string): stage is StageName => NAMES.has(stage);

/** Whether runs of any producer are expected to call a stage so. */
export const isInVocabulary = (stage: string): boolean =>
  isStageName(stage) || isOfExperts(stage) || OF_LATENT_ATTENTION.has(stage);

/** llama.cpp's own steps on the way to a stage, which no other engine is expected to have as a tensor. */
const DETAILS: ReadonlySet<string> = new Set(['kqv', 'Kcur', 'ffn_moe_argsort', 'ffn_moe_weights_sum_clamped']);

export const isDetail = (stage: string): boolean => DETAILS.has(stage);

const HEADS: Readonly<Partial<Record<RowWidth, GraphStage['heads']>>> = {
  n_q: 'query',
  n_k: 'key',
  heads_n_kv: 'query',
};

/**
 * A Llama of so many layers.
 *
 * @param isOfModel whether the model is known to be one @example llamaGraph({ layers: 32, heads: 32, headsKv: 8 })
 */
export function llamaGraph({ layers, ...heads }: { readonly layers: number } & Heads, isOfModel = false): Graph {
  const perLayer = STAGES.filter((stage) => stage.perLayer);
  const whole = STAGES.filter((stage) => !stage.perLayer);
  const after = whole.filter(({ inputs }) => inputs.length > 0);
  const stages = [
    ...whole.filter(({ inputs }) => inputs.length === 0).map((stage) => stageAt(stage, null, layers)),
    ...Array.from({ length: layers }, (_, layer) => perLayer.map((stage) => stageAt(stage, layer, layers))).flat(),
    ...after.map((stage) => stageAt(stage, null, layers)),
  ];
  return new Graph(stages, heads, isOfModel);
}

/** What a row of a stage is, by its name; values without heads where it is no name of the vocabulary. */
export function rowOfStage(name: string): Pick<GraphStage, 'row' | 'heads'> {
  const width = STAGES.find((stage) => stage.name === name)?.width;
  const row: RowKind = width === 'heads_n_kv' ? 'scores' : 'values';
  const heads = width && HEADS[width];
  return { row, ...(heads ? { heads } : {}) };
}

function stageAt({ name, op, inputs, cached }: Stage, layer: number | null, layers: number): GraphStage {
  return {
    stage: name,
    layer,
    op,
    ...rowOfStage(name),
    inputs: inputs.map((input) => (input === 'inp' ? residualInto(layer ?? layers) : { stage: input, layer })),
    ...(cached === undefined ? {} : { cached: { stage: cached, layer } }),
  };
}

/** The residual stream as it enters a layer. */
const residualInto = (layer: number): Place =>
  layer === 0 ? { stage: 'embd', layer: null } : { stage: 'l_out', layer: layer - 1 };

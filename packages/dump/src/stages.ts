/**
 * The vocabulary of stages, in evaluation order: llama.cpp's own node names wherever they are unique.
 *
 * `perLayer` stages repeat in every layer. `row` names the width of one row (one token position).
 * Any other name is a producer's own node: it can be captured and compared, but the engine does not compute it.
 */
export interface Stage {
  readonly name: string;
  readonly perLayer: boolean;
  readonly row: RowWidth;
  /** The stages that it is computed from; `inp` is the residual stream as it enters the layer. */
  readonly inputs: readonly string[];
  /** An input that earlier positions supply too, through the KV cache. */
  readonly cached?: string;
}

export type RowWidth = 'n_embd' | 'n_q' | 'n_k' | 'heads_n_kv' | 'n_ff' | 'n_vocab';

export const STAGES = [
  { name: 'embd', perLayer: false, row: 'n_embd', inputs: [] },
  { name: 'attn_rms', perLayer: true, row: 'n_embd', inputs: ['inp'] },
  { name: 'attn_norm', perLayer: true, row: 'n_embd', inputs: ['attn_rms'] },
  { name: 'q_proj', perLayer: true, row: 'n_q', inputs: ['attn_norm'] },
  { name: 'k_proj', perLayer: true, row: 'n_k', inputs: ['attn_norm'] },
  { name: 'v_proj', perLayer: true, row: 'n_k', inputs: ['attn_norm'] },
  { name: 'q_rope', perLayer: true, row: 'n_q', inputs: ['q_proj'] },
  { name: 'k_rope', perLayer: true, row: 'n_k', inputs: ['k_proj'] },
  { name: 'kq', perLayer: true, row: 'heads_n_kv', inputs: ['q_rope', 'k_rope'], cached: 'k_rope' },
  { name: 'kq_soft_max', perLayer: true, row: 'heads_n_kv', inputs: ['kq'] },
  { name: 'kqv_out', perLayer: true, row: 'n_q', inputs: ['kq_soft_max', 'v_proj'], cached: 'v_proj' },
  { name: 'attn_out', perLayer: true, row: 'n_embd', inputs: ['kqv_out'] },
  { name: 'ffn_inp', perLayer: true, row: 'n_embd', inputs: ['attn_out', 'inp'] },
  { name: 'ffn_rms', perLayer: true, row: 'n_embd', inputs: ['ffn_inp'] },
  { name: 'ffn_norm', perLayer: true, row: 'n_embd', inputs: ['ffn_rms'] },
  { name: 'ffn_gate', perLayer: true, row: 'n_ff', inputs: ['ffn_norm'] },
  { name: 'ffn_up', perLayer: true, row: 'n_ff', inputs: ['ffn_norm'] },
  { name: 'ffn_swiglu', perLayer: true, row: 'n_ff', inputs: ['ffn_gate', 'ffn_up'] },
  { name: 'ffn_out', perLayer: true, row: 'n_embd', inputs: ['ffn_swiglu'] },
  { name: 'l_out', perLayer: true, row: 'n_embd', inputs: ['ffn_out', 'ffn_inp'] },
  { name: 'result_rms', perLayer: false, row: 'n_embd', inputs: ['inp'] },
  { name: 'result_norm', perLayer: false, row: 'n_embd', inputs: ['result_rms'] },
  { name: 'result_output', perLayer: false, row: 'n_vocab', inputs: ['result_norm'] },
] as const satisfies readonly Stage[];

export type StageName = (typeof STAGES)[number]['name'];

export const STAGE_NAMES: readonly StageName[] = STAGES.map((stage) => stage.name);

/** A stage of the vocabulary at its place in the model. */
export interface Place {
  readonly stage: string;
  /** null for model-wide stages. */
  readonly layer: number | null;
}

const BY_NAME: ReadonlyMap<string, Stage> = new Map(STAGES.map((stage) => [stage.name, stage]));

/**
 * What a stage is computed from within its pass; nothing for a name that is not in the vocabulary.
 *
 * @param layers how many the model has
 * @example inputsOf({ stage: 'ffn_inp', layer: 3 }, 4) // attn_out of layer 3, l_out of layer 2
 */
export function inputsOf({ stage, layer }: Place, layers: number): Place[] {
  return (BY_NAME.get(stage)?.inputs ?? []).map((name) => {
    if (name !== 'inp') return { stage: name, layer };
    const above = (layer ?? layers) - 1;
    return above < 0 ? { stage: 'embd', layer: null } : { stage: 'l_out', layer: above };
  });
}

/** The input that a stage also takes from earlier positions. @example cachedInputOf({ stage: 'kq', layer: 3 }) // k_rope of layer 3 */
export function cachedInputOf({ stage, layer }: Place): Place | undefined {
  const name = BY_NAME.get(stage)?.cached;
  return name === undefined ? undefined : { stage: name, layer };
}

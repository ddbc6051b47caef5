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
}

export type RowWidth = 'n_embd' | 'n_q' | 'n_k' | 'heads_n_kv' | 'n_ff' | 'n_vocab';

export const STAGES = [
  { name: 'embd', perLayer: false, row: 'n_embd' },
  { name: 'attn_rms', perLayer: true, row: 'n_embd' },
  { name: 'attn_norm', perLayer: true, row: 'n_embd' },
  { name: 'q_proj', perLayer: true, row: 'n_q' },
  { name: 'k_proj', perLayer: true, row: 'n_k' },
  { name: 'v_proj', perLayer: true, row: 'n_k' },
  { name: 'q_rope', perLayer: true, row: 'n_q' },
  { name: 'k_rope', perLayer: true, row: 'n_k' },
  { name: 'kq', perLayer: true, row: 'heads_n_kv' },
  { name: 'kq_soft_max', perLayer: true, row: 'heads_n_kv' },
  { name: 'kqv_out', perLayer: true, row: 'n_q' },
  { name: 'attn_out', perLayer: true, row: 'n_embd' },
  { name: 'ffn_inp', perLayer: true, row: 'n_embd' },
  { name: 'ffn_rms', perLayer: true, row: 'n_embd' },
  { name: 'ffn_norm', perLayer: true, row: 'n_embd' },
  { name: 'ffn_gate', perLayer: true, row: 'n_ff' },
  { name: 'ffn_up', perLayer: true, row: 'n_ff' },
  { name: 'ffn_swiglu', perLayer: true, row: 'n_ff' },
  { name: 'ffn_out', perLayer: true, row: 'n_embd' },
  { name: 'l_out', perLayer: true, row: 'n_embd' },
  { name: 'result_rms', perLayer: false, row: 'n_embd' },
  { name: 'result_norm', perLayer: false, row: 'n_embd' },
  { name: 'result_output', perLayer: false, row: 'n_vocab' },
] as const satisfies readonly Stage[];

export type StageName = (typeof STAGES)[number]['name'];

export const STAGE_NAMES: readonly StageName[] = STAGES.map((stage) => stage.name);

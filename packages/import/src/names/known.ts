import { type Place, STAGES } from '@llama-probe/dump/stage';

/** The names of a layer in evaluation order: those of the vocabulary, and what llama.cpp calls more of other models. */
const BETWEEN: Readonly<Record<string, readonly string[]>> = {
  v_proj: ['Qcur_normed', 'Kcur_normed'],
  kq_soft_max: ['kqv'],
  attn_out: ['attn_post_norm', 'sa_out'],
  ffn_norm: [
    'ffn_moe_logits',
    'ffn_moe_logits_biased',
    'ffn_moe_probs',
    'ffn_moe_probs_biased',
    'ffn_moe_topk',
    'ffn_moe_weights',
    'ffn_moe_weights_norm',
    'ffn_moe_gate',
    'ffn_moe_up',
    'ffn_moe_swiglu',
    'ffn_moe_down',
    'ffn_moe_weighted',
    'ffn_moe_out',
  ],
  ffn_swiglu: ['ffn_geglu'],
  ffn_out: ['ffn_post_norm'],
};

const ORDER: readonly string[] = STAGES.flatMap(({ name }) => [name, ...(BETWEEN[name] ?? [])]);

/** Of the whole model, and not of a layer. */
const WHOLE: ReadonlySet<string> = new Set([
  ...STAGES.filter(({ perLayer }) => !perLayer).map(({ name }) => name),
  'inp_scaled',
]);

/** Whether a name is a stage that llama.cpp has under it. */
export const isKnown = (name: string): boolean => name === 'inp_scaled' || ORDER.includes(name);

export const isWhole = (name: string): boolean => WHOLE.has(name);

/** Sorts places into evaluation order; names that nobody knows come last in their layer. */
export function byEvaluation(a: Place, b: Place): number {
  const [one, other] = [part(a), part(b)];
  return one[0] - other[0] || one[1] - other[1];
}

/** Before all layers, in one, or after them; and where in there. */
function part({ stage, layer }: Place): [number, number] {
  const at = ORDER.indexOf(stage);
  if (layer !== null) return [layer, at < 0 ? ORDER.length : at];
  if (stage === 'embd') return [-1, 0];
  if (stage === 'inp_scaled') return [-1, 1];
  return [Number.MAX_SAFE_INTEGER, at < 0 ? ORDER.length : at];
}

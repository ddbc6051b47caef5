import type { Report } from '../../packages/probe/src/index.js';

type Id = Pick<Report['stages'][number], 'step' | 'layer' | 'stage'>;

/** What each stage of a Llama is computed from, written down apart from the tool; `inp` is what enters the layer. */
const FROM: Readonly<Record<string, readonly string[]>> = {
  embd: [],
  attn_rms: ['inp'],
  attn_norm: ['attn_rms'],
  q_proj: ['attn_norm'],
  k_proj: ['attn_norm'],
  v_proj: ['attn_norm'],
  q_rope: ['q_proj'],
  k_rope: ['k_proj'],
  kq: ['q_rope', 'k_rope'],
  kq_soft_max: ['kq'],
  kqv_out: ['kq_soft_max', 'v_proj'],
  attn_out: ['kqv_out'],
  ffn_inp: ['attn_out', 'inp'],
  ffn_rms: ['ffn_inp'],
  ffn_norm: ['ffn_rms'],
  ffn_gate: ['ffn_norm'],
  ffn_up: ['ffn_norm'],
  ffn_swiglu: ['ffn_gate', 'ffn_up'],
  ffn_out: ['ffn_swiglu'],
  l_out: ['ffn_inp', 'ffn_out'],
  result_rms: ['inp'],
  result_norm: ['result_rms'],
  result_output: ['result_norm'],
};

/** What a stage also takes from earlier steps, out of the cache. */
const CACHED: Readonly<Record<string, string>> = { kq: 'k_rope', kqv_out: 'v_proj' };

export const nameOf = ({ step, layer, stage }: Id): string => `${step}/${layer ?? '-'}/${stage}`;

/** Everything that a stage depends on, at whatever distance, by name. */
export function upstreamOf(of: Id, layers: number): Set<string> {
  const found = new Set<string>();
  const visit = (id: Id): void => {
    for (const input of inputs(id, layers)) {
      if (found.has(nameOf(input))) continue;
      found.add(nameOf(input));
      visit(input);
    }
  };
  visit(of);
  return found;
}

function inputs({ step, layer, stage }: Id, layers: number): Id[] {
  const above = (layer ?? layers) - 1;
  const within = (FROM[stage] as readonly string[]).map((name): Id => {
    if (name !== 'inp') return { step, layer, stage: name };
    return above < 0 ? { step, layer: null, stage: 'embd' } : { step, layer: above, stage: 'l_out' };
  });
  const cached = CACHED[stage];
  const earlier = cached ? Array.from({ length: step }, (_, before) => ({ step: before, layer, stage: cached })) : [];
  return [...within, ...earlier];
}

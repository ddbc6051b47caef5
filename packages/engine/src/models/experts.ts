import type { Experts, LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Layer } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { LayerWants, OnStage } from './architecture.js';

// A mixture of experts in place of the feed-forward (Shazeer et al. 2017, arXiv:1701.06538; Jiang et al. 2024, arXiv:2401.04088).

/** @param feedForwardLength of one expert */
export function expertsConfig(keys: Keys, feedForwardLength: number): Experts {
  return { count: keys.count('expert_count'), used: keys.count('expert_used_count'), feedForwardLength };
}

export function expertsTensors({ weight }: LayerWants, { embeddingLength: embd, experts }: LlamaConfig) {
  const { count, feedForwardLength: ff } = experts as Experts;
  return {
    ffnGateInp: weight('ffn_gate_inp', [embd, count]),
    ffnGateExps: weight('ffn_gate_exps', [embd, ff, count]),
    ffnUpExps: weight('ffn_up_exps', [embd, ff, count]),
    ffnDownExps: weight('ffn_down_exps', [ff, embd, count]),
  };
}

/** Each token goes through the experts that fit it best, which share what they give as they fit. */
// biome-ignore format: each stage stands beside the step that makes it
export function experts(op: Operations, s: State, w: Layer, il: number, hook: OnStage): void {
  op.mulMat(s.router, w.ffnGateInp, s.xb);                         hook('ffn_moe_logits', il, s.router);
  op.softMaxExperts(s.router);                                     hook('ffn_moe_probs', il, s.router);
  op.choose(s.chosen, s.router);                                   hook('ffn_moe_topk', il, s.chosen);
  op.pick(s.shares, s.router, s.chosen);                           hook('ffn_moe_weights', il, s.shares);
  op.share(s.shares);                                              hook('ffn_moe_weights_norm', il, s.shares);

  op.mulMatExperts(s.gate, w.ffnGateExps, s.xb, s.chosen);         hook('ffn_moe_gate', il, s.gate);
  op.mulMatExperts(s.up, w.ffnUpExps, s.xb, s.chosen);             hook('ffn_moe_up', il, s.up);
  op.swigluExperts(s.gate, s.up);                                  hook('ffn_moe_swiglu', il, s.gate);
  op.mulMatDown(s.down, w.ffnDownExps, s.gate, s.chosen);          hook('ffn_moe_down', il, s.down);
  op.weigh(s.down, s.shares);                                      hook('ffn_moe_weighted', il, s.down);
  op.sumExperts(s.xb, s.down);                                     hook('ffn_moe_out', il, s.xb);
}

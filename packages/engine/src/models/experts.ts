import { CAPTURE } from '../capture.js';
import type { Experts, LlamaConfig } from '../config.js';
import { ModelError } from '../errors.js';
import { type Keys, show } from '../keys.js';
import type { Layer } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { LayerWants, OnStage } from './architecture.js';

// A mixture of experts in place of the feed-forward (Shazeer et al. 2017, arXiv:1701.06538; Jiang et al. 2024, arXiv:2401.04088).

/** How many experts a token goes through. @throws ModelError */
export const expertsUsed = (keys: Keys, layers: number): number => keys.perLayer('expert_used_count', layers);

/**
 * @param feedForwardLength of one expert
 * @throws ModelError
 */
export function expertsConfig(keys: Keys, layers: number, feedForwardLength: number): Experts {
  const count = keys.count('expert_count');
  const used = expertsUsed(keys, layers);
  if (used > count) {
    throw new ModelError(
      'model-metadata',
      `${keys.file.path}: ${keys.architecture}.expert_used_count is ${used}, of ${count} experts. Convert the model again.`,
    );
  }
  const groups = keys.raw('expert_group_count');
  if (Number(groups ?? 0) > 1) {
    throw new ModelError(
      'model-architecture',
      `${keys.file.path}: ${keys.architecture}.expert_group_count is ${show(groups)}: experts that are chosen by groups, which the engine does not compute. ${CAPTURE}`,
    );
  }
  return { count, used, feedForwardLength };
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

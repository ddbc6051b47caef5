import type { LlamaConfig } from '../config.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { experts, expertsConfig, expertsTensors } from './experts.js';
import { attentionTensors, feedForwardTensors, normTensors } from './layers.js';
import { attention, feedForward, logits, norm, qkv, rotate } from './parts.js';

/** Without experts. */
export const denseLlama: Architecture = {
  ropePairs: 'neighbours',
  isPlain: true,
  layer: (wants, config) => ({
    ...normTensors(wants, config),
    ...attentionTensors(wants, config),
    ...(config.experts ? expertsTensors : feedForwardTensors)(wants, config),
  }),
  forward,
};

/**
 * Llama: RMSNorm before each half of a layer, rotary positions on Q and K, grouped-query attention over a cache, SwiGLU
 * (Touvron et al. 2023, arXiv:2302.13971; Ainslie et al. 2023, arXiv:2305.13245). Mixtral is one with experts.
 */
export const llama: Architecture = {
  ...denseLlama,
  experts: true,
  hyperparameters: (keys, { blockCount, feedForwardLength }) =>
    Number(keys.raw('expert_count') ?? 0) === 0 ? {} : { experts: expertsConfig(keys, blockCount, feedForwardLength) },
};

// biome-ignore format: each stage stands beside the step that makes it
export function* forward(op: Operations, m: Model, s: State, hook: OnStage, c?: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    rotate(op, s, il, hook);
    attention(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    if (c?.experts) experts(op, s, w, il, hook);
    else feedForward(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

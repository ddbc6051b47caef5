import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { YarnOf } from '../rope-config.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { experts } from './experts.js';
import { llama } from './llama.js';
import { attention, feedForward, logits, norm, qkv, rotate } from './parts.js';

/** Ministral 3: a Llama with YaRN's own numbers, whose Q grows with the position (as Llama 4's does), and which may have experts. */
export const mistral3: Architecture = {
  ropePairs: 'neighbours',
  experts: true,
  yarn,
  hyperparameters,
  layer: llama.layer,
  forward,
};

function yarn(keys: Keys, factor: number): ReturnType<YarnOf> {
  const multiplier = keys.factor('rope.scaling.yarn_log_multiplier');
  const stretched = (by: number): number => (factor <= 1 ? 1 : 1 + 0.1 * by * Math.log(factor));
  return {
    betaFast: keys.positive('rope.scaling.yarn_beta_fast', 32),
    betaSlow: keys.positive('rope.scaling.yarn_beta_slow', 1),
    attnFactor: multiplier === 0 ? 1 : 1 / stretched(multiplier),
  };
}

function hyperparameters(keys: Keys, base: LlamaConfig): Partial<LlamaConfig> {
  const scale = keys.factor('attention.temperature_scale');
  const every = keys.count('rope.scaling.original_context_length', base.contextLength);
  return {
    attentionScale: keys.factor('attention.scale') || base.attentionScale,
    ...llama.hyperparameters?.(keys, base),
    ...(scale > 0 ? { temperature: { scale, every } } : {}),
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    rotate(op, s, il, hook);
    if (c.temperature) { op.heat(s.q, s.temperature);              hook('Qcur_attn_temp_scaled', il, s.q); }
    attention(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    if (c.experts) experts(op, s, w, il, hook);
    else feedForward(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

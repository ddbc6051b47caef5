import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { attentionTensors, feedForwardTensors, headNormTensors, postNormTensors } from './layers.js';
import { attention, feedForward, logits, postNorm, qkNorm, qkv, rotate } from './parts.js';
import { windowedLayers } from './windows.js';

/**
 * OLMo 2 and 3: norms behind attention and feed-forward instead of before them, and of all heads of Q and K together
 * (OLMo Team 2025, arXiv:2501.00656). OLMo 3 has layers with a window, whose positions are not scaled.
 */
export const olmo2: Architecture = {
  ropePairs: 'halves',
  hyperparameters,
  layer: (wants, config) => ({
    ...attentionTensors(wants, config),
    ...headNormTensors(wants, config, 'row'),
    ...feedForwardTensors(wants, config),
    ...postNormTensors(wants, config),
  }),
  forward,
};

function hyperparameters(keys: Keys, { blockCount, ropeFreqBase }: LlamaConfig): Partial<LlamaConfig> {
  const size = keys.factor('attention.sliding_window');
  const rope = { ropeFreqBase, ropeFreqScale: 1 };
  const windows = size > 0 ? { windows: { size, layers: windowedLayers(keys, blockCount, 4), rope } } : {};
  return { headNorms: 'row', hasPostNorms: true, ...windows };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    qkv(op, s, w, il, hook, s.x);
    qkNorm(op, s, w, il, hook);
    rotate(op, s, il, hook, s.qNormed, s.kNormed);
    attention(op, s, w, il, hook, s.qNormed, s.kNormed);
    postNorm(op, s, il, w.attnPostNorm, 'attn_post', hook);
    op.add(s.x, s.post);                                           hook('ffn_inp', il, s.x);

    feedForward(op, s, w, il, hook, s.x);
    postNorm(op, s, il, w.ffnPostNorm, 'ffn_post', hook);
    op.add(s.x, s.post);                                           hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

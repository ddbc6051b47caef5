import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { attentionTensors, feedForwardTensors, headNormTensors, normTensors, postNormTensors } from './layers.js';
import { attention, gegluFeedForward, logits, norm, postNorm, qkNorm, qkv, rotate } from './parts.js';
import { windowedLayers } from './windows.js';

/**
 * Gemma 3: a Gemma 2 that norms each head of Q and K instead of bending scores, and of which five of six layers have a window, with a base of
 * their own for positions (Gemma Team 2025, arXiv:2503.19786).
 */
export const gemma3: Architecture = {
  ropePairs: 'halves',
  turnsPart: true,
  hyperparameters,
  layer: (wants, config) => ({
    ...normTensors(wants, config),
    ...attentionTensors(wants, config),
    ...headNormTensors(wants, config, 'head'),
    ...feedForwardTensors(wants, config),
    ...postNormTensors(wants, config),
  }),
  forward,
};

const LAYERS_OF_27B = 62;

function hyperparameters(keys: Keys, base: LlamaConfig): Partial<LlamaConfig> {
  const { blockCount, embeddingLength, headCount, headDim } = base;
  const size = keys.factor('attention.sliding_window');
  keys.raw('attention.scale'); // llama.cpp takes it from the size of the model
  // Where there are windows their positions are not scaled, whatever the others' are.
  const rope = { ropeFreqBase: keys.positive('rope.freq_base_swa', 10000), ropeFreqScale: 1 };
  return {
    embeddingScale: Math.sqrt(embeddingLength),
    queryScale: 1 / Math.sqrt(blockCount === LAYERS_OF_27B ? Math.floor(embeddingLength / headCount) : headDim),
    headNorms: 'head',
    hasPostNorms: true,
    ...(size > 0 ? { windows: { size, layers: windowedLayers(keys, blockCount, 6), rope } } : {}),
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);
  op.scale(s.x, c.embeddingScale ?? 1);                            hook('inp_scaled', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    qkNorm(op, s, w, il, hook);
    rotate(op, s, il, hook, s.qNormed, s.kNormed);
    op.scaleQ(s.qNormed, c.queryScale ?? 1);
    attention(op, s, w, il, hook, s.qNormed, s.kNormed);
    postNorm(op, s, il, w.attnPostNorm, 'attn_post', hook);
    op.add(s.x, s.post);                                           hook('sa_out', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    gegluFeedForward(op, s, w, il, hook);
    postNorm(op, s, il, w.ffnPostNorm, 'ffn_post', hook);
    op.add(s.x, s.post);                                           hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

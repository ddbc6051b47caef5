import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { attentionTensors, feedForwardTensors, normTensors, postNormTensors } from './layers.js';
import { gegluFeedForward, norm, postNorm, qkv, rotate } from './parts.js';
import { windowedLayers } from './windows.js';

/**
 * Gemma 2: norms on both sides of each half of a layer, GeGLU, scores and logits that are bent to stay small, and every other layer with a
 * window (Gemma Team 2024, arXiv:2408.00118).
 */
export const gemma2: Architecture = {
  ropePairs: 'halves',
  turnsPart: true,
  hyperparameters,
  layer: (wants, config) => ({
    ...normTensors(wants, config),
    ...attentionTensors(wants, config),
    ...feedForwardTensors(wants, config),
    ...postNormTensors(wants, config),
  }),
  forward,
};

const LAYERS_OF_27B = 46;

function hyperparameters(keys: Keys, base: LlamaConfig): Partial<LlamaConfig> {
  const { blockCount, embeddingLength, headCount, headDim, ropeFreqBase, ...rope } = base;
  keys.raw('attention.scale'); // llama.cpp takes it from the size of the model
  return {
    embeddingScale: Math.sqrt(embeddingLength),
    queryScale: 1 / Math.sqrt(blockCount === LAYERS_OF_27B ? Math.floor(embeddingLength / headCount) : headDim),
    attentionSoftCap: keys.positive('attn_logit_softcapping', 50),
    finalSoftCap: keys.positive('final_logit_softcapping', 30),
    hasPostNorms: true,
    windows: {
      size: keys.count('attention.sliding_window', 4096),
      layers: windowedLayers(keys, blockCount, 2),
      rope: { ...rope, ropeFreqBase: keys.positive('rope.freq_base_swa', ropeFreqBase) },
    },
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);
  op.scale(s.x, c.embeddingScale ?? 1);                            hook('inp_scaled', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    rotate(op, s, il, hook);
    op.scaleQ(s.q, c.queryScale ?? 1);
    op.store(s.kCache[il], s.k);
    op.store(s.vCache[il], s.v);
    op.kq(s.kq, s.q, s.kCache[il]);                                hook('kq', il, s.kq);
    op.capScores(s.kq, c.attentionSoftCap ?? 1);
    op.softMax(s.kq, il);                                          hook('kq_soft_max', il, s.kq);
    op.kqv(s.kqv, s.kq, s.vCache[il]);                             hook('kqv_out', il, s.kqv);
    op.mulMat(s.xb, w.attnOutput, s.kqv);                          hook('attn_out', il, s.xb);
    postNorm(op, s, il, w.attnPostNorm, 'attn_post', hook);
    op.add(s.x, s.post);                                           hook('sa_out', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    gegluFeedForward(op, s, w, il, hook);
    postNorm(op, s, il, w.ffnPostNorm, 'ffn_post', hook);
    op.add(s.x, s.post);                                           hook('l_out', il, s.x);
    yield;
  }

  norm(op, s, null, m.outputNorm, 'result', hook);
  op.mulMat(s.logits, m.output, s.xb);
  op.capLogits(s.logits, c.finalSoftCap ?? 1);                     hook('result_output', null, s.logits);
  yield;
}

import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { denseLlama } from './llama.js';
import { attention, feedForward, norm, qkv, rotate } from './parts.js';

/** Granite 3: a Llama whose embedding, scores, residuals and logits are each multiplied by a number of its own (arXiv:2405.04324, arXiv:2203.03466). */
export const granite: Architecture = {
  ropePairs: 'neighbours',
  hyperparameters,
  layer: denseLlama.layer,
  forward,
};

function hyperparameters(keys: Keys, base: LlamaConfig): Partial<LlamaConfig> {
  const embeddingScale = keys.factor('embedding_scale');
  const residualScale = keys.factor('residual_scale');
  return {
    attentionScale: keys.factor('attention.scale') || base.attentionScale,
    logitScale: 1 / keys.positive('logit_scale'),
    ...(embeddingScale > 0 ? { embeddingScale } : {}),
    ...(residualScale > 0 ? { residualScale } : {}),
    ...(keys.raw('rope.scaling.finetuned') === false ? { isUnrotated: true } : {}), // llama.cpp's switch for it
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);
  if (c.embeddingScale) op.scale(s.x, c.embeddingScale);           hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    if (!c.isUnrotated) rotate(op, s, il, hook);
    attention(op, s, w, il, hook);
    if (c.residualScale) op.scale(s.xb, c.residualScale);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    feedForward(op, s, w, il, hook);
    if (c.residualScale) op.scale(s.xb, c.residualScale);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  norm(op, s, null, m.outputNorm, 'result', hook);
  op.mulMat(s.logits, m.output, s.xb);
  op.scaleLogits(s.logits, c.logitScale ?? 1);                     hook('result_output', null, s.logits);
  yield;
}

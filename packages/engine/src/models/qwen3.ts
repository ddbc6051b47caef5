import type { LlamaConfig } from '../config.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { experts, expertsTensors } from './experts.js';
import { attentionTensors, feedForwardTensors, headNormTensors, normTensors } from './layers.js';
import { attention, feedForward, logits, norm, qkNorm, qkv, rotate } from './parts.js';

/** Qwen 3: a Llama that norms each head of Q and K before it turns them, by halves (Yang et al. 2025, arXiv:2505.09388). */
export const qwen3: Architecture = {
  ropePairs: 'halves',
  hyperparameters: () => ({ headNorms: 'head' }),
  layer: (wants, config) => ({
    ...normTensors(wants, config),
    ...attentionTensors(wants, config),
    ...headNormTensors(wants, config, 'head'),
    ...(config.experts ? expertsTensors : feedForwardTensors)(wants, config),
  }),
  forward,
};

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c?: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    qkNorm(op, s, w, il, hook);
    rotate(op, s, il, hook, s.qNormed, s.kNormed);
    attention(op, s, w, il, hook, s.qNormed, s.kNormed);
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

import type { LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { attentionTensors, normTensors } from './layers.js';
import { attention, logits, norm, qkv, rotate } from './parts.js';

/**
 * Phi 3: one matrix for Q, K and V, and one for gate and up; positions of a longrope (Abdin et al. 2024, arXiv:2404.14219; Ding et al. 2024,
 * arXiv:2402.13753). Its window is not used: llama.cpp sees all positions, too.
 */
export const phi3: Architecture = {
  ropePairs: 'halves',
  turnsPart: true,
  hyperparameters,
  layer: (wants, config) => {
    const { embeddingLength: embd, feedForwardLength: ff } = config;
    return {
      ...normTensors(wants, config),
      ...attentionTensors(wants, config),
      ffnUp: wants.weight('ffn_up', [embd, 2 * ff]),
      ffnDown: wants.weight('ffn_down', [ff, embd]),
    };
  },
  forward,
};

function hyperparameters(keys: Keys, { headDim, contextLength }: LlamaConfig): Partial<LlamaConfig> {
  keys.raw('attention.sliding_window');
  return {
    gateIsInUp: true,
    queryScale: 1 / Math.sqrt(headDim),
    ropeOriginalContext: keys.count('rope.scaling.original_context_length', contextLength),
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    rotate(op, s, il, hook);
    op.scaleQ(s.q, c.queryScale ?? 1);                             hook('Qcur', il, s.q);
    attention(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    op.mulMat(s.up, w.ffnUp, s.xb);                                hook('ffn_up', il, s.up);
    op.swigluHalves(s.gate, s.up);                                 hook('ffn_swiglu', il, s.gate);
    op.mulMat(s.xb, w.ffnDown, s.gate);                            hook('ffn_out', il, s.xb);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

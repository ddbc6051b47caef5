import type { Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, OnStage } from './architecture.js';
import { denseLlama } from './llama.js';
import { attention, feedForward, logits, norm, qkv, rotate } from './parts.js';

/** SmolLM 3: a Llama of which every fourth layer has no positions (Yang et al. 2025, arXiv:2501.18795). */
export const smollm3: Architecture = { ropePairs: 'neighbours', layer: denseLlama.layer, forward };

const UNROTATED = 4; // llama.cpp's n_no_rope_layer_step, which no file changes

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    if ((il + 1) % UNROTATED !== 0) rotate(op, s, il, hook);
    attention(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.ffnNorm, 'ffn', hook);
    feedForward(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

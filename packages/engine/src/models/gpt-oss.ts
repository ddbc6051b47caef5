import type { Experts, LlamaConfig } from '../config.js';
import type { Keys } from '../keys.js';
import type { LayerTensors, Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { Architecture, LayerWants, OnStage } from './architecture.js';
import { expertsConfig, expertsTensors } from './experts.js';
import { attentionTensors } from './layers.js';
import { attention, logits, norm, qkv, rotate } from './parts.js';
import { windowedLayers } from './windows.js';

/**
 * gpt-oss: biases everywhere, a sink in each head's softmax, every other layer with a window, and experts whose units are bounded and whose
 * shares are the softmax of the chosen ones alone (OpenAI 2025, arXiv:2508.10925).
 */
export const gptOss: Architecture = { ropePairs: 'halves', experts: true, hyperparameters, layer, forward };

function hyperparameters(keys: Keys, { blockCount }: LlamaConfig): Partial<LlamaConfig> {
  const size = keys.count('attention.sliding_window');
  return {
    windows: { size, layers: windowedLayers(keys, blockCount, 2) },
    experts: expertsConfig(keys, blockCount, keys.count('expert_feed_forward_length')),
  };
}

function layer(wants: LayerWants, config: LlamaConfig): Partial<LayerTensors> {
  const { embeddingLength: embd, headCount } = config;
  const { count, feedForwardLength: ff } = config.experts as Experts;
  return {
    attnNorm: wants.weight('attn_norm', [embd]),
    attnPostNorm: wants.weight('post_attention_norm', [embd]),
    ...attentionTensors(wants, config),
    attnSinks: wants.weight('attn_sinks', [headCount]),
    ...expertsTensors(wants, config),
    ffnGateInpBias: wants.requiredBias('ffn_gate_inp', count),
    ffnGateExpsBias: wants.requiredBias('ffn_gate_exps', ff, count),
    ffnUpExpsBias: wants.requiredBias('ffn_up_exps', ff, count),
    ffnDownExpsBias: wants.requiredBias('ffn_down_exps', embd, count),
  };
}

// biome-ignore format: each stage stands beside the step that makes it
function* forward(op: Operations, m: Model, s: State, hook: OnStage, c: LlamaConfig): Generator<void> {
  const { count, feedForwardLength: ff } = c.experts as Experts;
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    norm(op, s, il, w.attnNorm, 'attn', hook);
    qkv(op, s, w, il, hook);
    rotate(op, s, il, hook);
    attention(op, s, w, il, hook);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    norm(op, s, il, w.attnPostNorm, 'attn_post', hook);
    op.mulMat(s.router, w.ffnGateInp, s.xb);                       hook('ffn_moe_logits', il, s.router);
    op.addBias(s.router, w.ffnGateInpBias, count);                 hook('ffn_moe_probs', il, s.router);
    op.choose(s.chosen, s.router);                                 hook('ffn_moe_topk', il, s.chosen);
    op.pick(s.shares, s.router, s.chosen);                         hook('ffn_moe_weights', il, s.shares);
    op.softMaxChosen(s.shares);
    op.mulMatExperts(s.gate, w.ffnGateExps, s.xb, s.chosen);       hook('ffn_moe_gate', il, s.gate);
    op.addBiasExperts(s.gate, w.ffnGateExpsBias, s.chosen, ff);    hook('ffn_moe_gate_biased', il, s.gate);
    op.mulMatExperts(s.up, w.ffnUpExps, s.xb, s.chosen);           hook('ffn_moe_up', il, s.up);
    op.addBiasExperts(s.up, w.ffnUpExpsBias, s.chosen, ff);        hook('ffn_moe_up_biased', il, s.up);
    op.swigluOai(s.gate, s.up);                                    hook('ffn_moe_swiglu_oai', il, s.gate);
    op.mulMatDown(s.down, w.ffnDownExps, s.gate, s.chosen);        hook('ffn_moe_down', il, s.down);
    op.addBiasExperts(s.down, w.ffnDownExpsBias, s.chosen, c.embeddingLength);
                                                                   hook('ffn_moe_down_biased', il, s.down);
    op.weigh(s.down, s.shares);                                    hook('ffn_moe_weighted', il, s.down);
    op.sumExperts(s.xb, s.down);                                   hook('ffn_moe_out', il, s.xb);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  logits(op, m, s, hook);
  yield;
}

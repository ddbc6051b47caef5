import type { Layer, Model } from '../model.js';
import type { Operations } from '../operations.js';
import type { State } from '../state.js';
import type { OnStage } from './architecture.js';

// Parts that are the same in most architectures. An architecture that does one of them in another way writes it down itself.

/** x ← norm of `of` times its weight, in two stages. `of` is the residual stream without it. */
// biome-ignore format: each stage stands beside the step that makes it
export function norm(op: Operations, s: State, il: number | null, weight: GPUBuffer, name: string, hook: OnStage, of = s.x): void {
  op.rmsNorm(s.xb, of);                                            hook(`${name}_rms`, il, s.xb);
  op.mul(s.xb, weight);                                            hook(`${name}_norm`, il, s.xb);
}

/** The norm of what a half of a layer gives, before it is added. */
// biome-ignore format: each stage stands beside the step that makes it
export function postNorm(op: Operations, s: State, il: number, weight: GPUBuffer, name: string, hook: OnStage): void {
  op.rmsNorm(s.post, s.xb);                                        hook(`${name}_rms`, il, s.post);
  op.mul(s.post, weight);                                          hook(`${name}_norm`, il, s.post);
}

/** Q, K and V of the normed stream. */
// biome-ignore format: each stage stands beside the step that makes it
export function qkv(op: Operations, s: State, w: Layer, il: number, hook: OnStage, x = s.xb): void {
  op.mulMat(s.q, w.attnQ, x, w.attnQBias);                         hook('q_proj', il, s.q);
  op.mulMat(s.k, w.attnK, x, w.attnKBias);                         hook('k_proj', il, s.k);
  op.mulMat(s.v, w.attnV, x, w.attnVBias);                         hook('v_proj', il, s.v);
}

/** Norms of Q and K before they are turned (Henry et al. 2020, arXiv:2010.04245). */
// biome-ignore format: each stage stands beside the step that makes it
export function qkNorm(op: Operations, s: State, w: Layer, il: number, hook: OnStage): void {
  op.normQ(s.qNormed, s.q);                                        hook('q_rms', il, s.qNormed);
  op.mulQ(s.qNormed, w.attnQNorm);                                 hook('Qcur_normed', il, s.qNormed);
  op.normK(s.kNormed, s.k);                                        hook('k_rms', il, s.kNormed);
  op.mulK(s.kNormed, w.attnKNorm);                                 hook('Kcur_normed', il, s.kNormed);
}

/** Positions (Su et al. 2021, arXiv:2104.09864). */
// biome-ignore format: each stage stands beside the step that makes it
export function rotate(op: Operations, s: State, il: number, hook: OnStage, q = s.q, k = s.k): void {
  op.ropeQ(q, s.rotation[il]);                                     hook('q_rope', il, q);
  op.ropeK(k, s.rotation[il]);                                     hook('k_rope', il, k);
}

/** Each head's values, weighted by how well their keys fit its query. (Vaswani et al. 2017, arXiv:1706.03762) */
// biome-ignore format: each stage stands beside the step that makes it
export function attention(op: Operations, s: State, w: Layer, il: number, hook: OnStage, q = s.q, k = s.k): void {
  op.store(s.kCache[il], k);
  op.store(s.vCache[il], s.v);
  op.kq(s.kq, q, s.kCache[il]);                                    hook('kq', il, s.kq);
  op.softMax(s.kq, il, w.attnSinks);                               hook('kq_soft_max', il, s.kq);
  op.kqv(s.kqv, s.kq, s.vCache[il]);                               hook('kqv_out', il, s.kqv);
  op.mulMat(s.xb, w.attnOutput, s.kqv, w.attnOutputBias);          hook('attn_out', il, s.xb);
}

/** SwiGLU (Shazeer 2020, arXiv:2002.05202). With a bias llama.cpp has a stage before it, too. */
// biome-ignore format: each stage stands beside the step that makes it
export function feedForward(op: Operations, s: State, w: Layer, il: number, hook: OnStage, x = s.xb): void {
  op.mulMat(s.gate, w.ffnGate, x);                                 hook('ffn_gate', il, s.gate);
  if (w.ffnGateBias) { op.addBias(s.gate, w.ffnGateBias, w.ffnGate.rows); hook('ffn_gate_b', il, s.gate); }
  op.mulMat(s.up, w.ffnUp, x);                                     hook('ffn_up', il, s.up);
  if (w.ffnUpBias) { op.addBias(s.up, w.ffnUpBias, w.ffnUp.rows); hook('ffn_up_b', il, s.up); }
  op.swiglu(s.gate, s.up);                                         hook('ffn_swiglu', il, s.gate);
  op.mulMat(s.xb, w.ffnDown, s.gate);
  if (w.ffnDownBias) {                                             hook('ffn_down', il, s.xb);
    op.addBias(s.xb, w.ffnDownBias, w.ffnDown.rows); }
                                                                   hook('ffn_out', il, s.xb);
}

/** GeGLU (Shazeer 2020, arXiv:2002.05202). */
// biome-ignore format: each stage stands beside the step that makes it
export function gegluFeedForward(op: Operations, s: State, w: Layer, il: number, hook: OnStage): void {
  op.mulMat(s.gate, w.ffnGate, s.xb);                              hook('ffn_gate', il, s.gate);
  op.mulMat(s.up, w.ffnUp, s.xb);                                  hook('ffn_up', il, s.up);
  op.geglu(s.gate, s.up);                                          hook('ffn_geglu', il, s.gate);
  op.mulMat(s.xb, w.ffnDown, s.gate);                              hook('ffn_out', il, s.xb);
}

/** The logits of the normed stream. */
// biome-ignore format: each stage stands beside the step that makes it
export function logits(op: Operations, m: Model, s: State, hook: OnStage): void {
  norm(op, s, null, m.outputNorm, 'result', hook);
  op.mulMat(s.logits, m.output, s.xb);                             hook('result_output', null, s.logits);
}

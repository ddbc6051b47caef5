import type { StageName } from '@llama-probe/dump/stage';
import type { Operations } from './operations.js';
import type { State } from './state.js';
import type { Model } from './weights.js';

/**
 * One pass of the llama architecture over the tokens of `s.tokens`, at the positions of `s.batch`.
 *
 * Llama: RMSNorm before each half of a layer, rotary positions on Q and K, grouped-query attention over a cache, SwiGLU
 * (Touvron et al. 2023, arXiv:2302.13971; Ainslie et al. 2023, arXiv:2305.13245). After each stage the hook is
 * called; after each layer the pass yields, and what was encoded so far may be submitted.
 *
 * @example for (const _ of forward(op, model, state, hook)) progress(); commands.submit();
 */
// biome-ignore format: each stage stands beside the step that makes it
export function* forward(
  op: Operations,
  m: Model,
  s: State,
  hook: (stage: StageName, il: number | null, rows: GPUBuffer) => void,
): Generator<void> {
  op.getRows(s.x, m.tokenEmbd, s.tokens);                          hook('embd', null, s.x);

  for (const [il, w] of m.blk.entries()) {
    op.rmsNorm(s.xb, s.x);                                         hook('attn_rms', il, s.xb);
    op.mul(s.xb, w.attnNorm);                                      hook('attn_norm', il, s.xb);

    op.mulMat(s.q, w.attnQ, s.xb, w.attnQBias);                    hook('q_proj', il, s.q);
    op.mulMat(s.k, w.attnK, s.xb, w.attnKBias);                    hook('k_proj', il, s.k);
    op.mulMat(s.v, w.attnV, s.xb, w.attnVBias);                    hook('v_proj', il, s.v);
    op.ropeQ(s.q, s.rotation);                                     hook('q_rope', il, s.q);
    op.ropeK(s.k, s.rotation);                                     hook('k_rope', il, s.k);
    op.store(s.kCache[il], s.k);
    op.store(s.vCache[il], s.v);

    op.kq(s.kq, s.q, s.kCache[il]);                                hook('kq', il, s.kq);
    op.softMax(s.kq);                                              hook('kq_soft_max', il, s.kq);
    op.kqv(s.kqv, s.kq, s.vCache[il]);                             hook('kqv_out', il, s.kqv);
    op.mulMat(s.xb, w.attnOutput, s.kqv);                          hook('attn_out', il, s.xb);
    op.add(s.x, s.xb);                                             hook('ffn_inp', il, s.x);

    op.rmsNorm(s.xb, s.x);                                         hook('ffn_rms', il, s.xb);
    op.mul(s.xb, w.ffnNorm);                                       hook('ffn_norm', il, s.xb);
    op.mulMat(s.gate, w.ffnGate, s.xb);                            hook('ffn_gate', il, s.gate);
    op.mulMat(s.up, w.ffnUp, s.xb);                                hook('ffn_up', il, s.up);
    op.swiglu(s.gate, s.up);                                       hook('ffn_swiglu', il, s.gate);
    op.mulMat(s.xb, w.ffnDown, s.gate);                            hook('ffn_out', il, s.xb);
    op.add(s.x, s.xb);                                             hook('l_out', il, s.x);
    yield;
  }

  op.rmsNorm(s.xb, s.x);                                           hook('result_rms', null, s.xb);
  op.mul(s.xb, m.outputNorm);                                      hook('result_norm', null, s.xb);
  op.mulMat(s.logits, m.output, s.xb);                             hook('result_output', null, s.logits);
  yield;
}

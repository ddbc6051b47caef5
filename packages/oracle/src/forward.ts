import { type Attention, kq, kqv, softMax } from './attention.js';
import type { OracleModel } from './model.js';
import { add, addBias, getRows, matMul, mul, rmsNorm, rowOf, swiglu } from './operations.js';
import { rope } from './rope.js';

/** One stage of the pass. */
export interface OracleStage {
  readonly stage: string;
  /** null for model-wide stages. */
  readonly layer: number | null;
  readonly width: number;
  readonly values: Float64Array; // (rows, width)
}

/** Called after each stage; what it returns, if anything, takes the stage's place in the rest of the pass. */
export type OracleHook = (at: OracleStage) => Float64Array | undefined;

/**
 * The whole llama pass over a sequence, without a cache: every position is computed. A decode step of an engine is the last row.
 *
 * @returns every stage in evaluation order, under llama.cpp's names, each as it was before the hook replaced it
 * Source: Touvron et al. 2023, "LLaMA", arXiv:2302.13971; Ainslie et al. 2023, "GQA", arXiv:2305.13245.
 * @example forward(model, [1, 15043]).at(-1)?.values // the logits, (2, n_vocab)
 */
export function forward(m: OracleModel, tokens: readonly number[], hook: OracleHook = () => undefined): OracleStage[] {
  const { embeddingLength: nEmbd, headCount, headCountKv, headDim, rmsEpsilon, attentionScale } = m.config;
  const a: Attention = { headCount, headCountKv, headDim, firstPosition: 0 };
  const rotation = { ...m.config, factors: m.ropeFreqs };
  const stages: OracleStage[] = [];
  const at = (stage: string, layer: number | null, values: Float64Array): Float64Array => {
    const reached = { stage, layer, width: values.length / tokens.length, values };
    stages.push(reached);
    return hook(reached) ?? values;
  };
  const norm = (name: string, layer: number | null, x: Float64Array, weight: Float64Array): Float64Array => {
    const rms = at(`${name}_rms`, layer, rmsNorm(x, nEmbd, rmsEpsilon));
    return at(`${name}_norm`, layer, mul(rms, weight));
  };
  const project = (x: Float64Array, weight: Float64Array, bias?: Float64Array): Float64Array => {
    const y = matMul(x, weight, nEmbd);
    return bias ? addBias(y, bias) : y;
  };

  let x = at(
    'embd',
    null,
    getRows((id) => rowOf(m.tokenEmbd, nEmbd, id), tokens),
  );
  m.blk.forEach((w, il) => {
    const attnNorm = norm('attn', il, x, w.attnNorm);
    const qProj = at('q_proj', il, project(attnNorm, w.attnQ, w.attnQBias));
    const kProj = at('k_proj', il, project(attnNorm, w.attnK, w.attnKBias));
    const v = at('v_proj', il, project(attnNorm, w.attnV, w.attnVBias));
    const q = at('q_rope', il, rope(qProj, headCount * headDim, 0, rotation));
    const k = at('k_rope', il, rope(kProj, headCountKv * headDim, 0, rotation));
    const scores = at('kq', il, kq(q, k, a));
    const p = at('kq_soft_max', il, softMax(scores, tokens.length, attentionScale, a));
    const mixed = at('kqv_out', il, kqv(p, v, a));
    const attnOut = at('attn_out', il, matMul(mixed, w.attnOutput, headCount * headDim));
    const ffnInp = at('ffn_inp', il, add(x, attnOut));

    const ffnNorm = norm('ffn', il, ffnInp, w.ffnNorm);
    const gate = at('ffn_gate', il, matMul(ffnNorm, w.ffnGate, nEmbd));
    const up = at('ffn_up', il, matMul(ffnNorm, w.ffnUp, nEmbd));
    const hidden = at('ffn_swiglu', il, swiglu(gate, up));
    const ffnOut = at('ffn_out', il, matMul(hidden, w.ffnDown, w.ffnDown.length / nEmbd));
    x = at('l_out', il, add(ffnInp, ffnOut));
  });
  const resultNorm = norm('result', null, x, m.outputNorm);
  at('result_output', null, matMul(resultNorm, m.output, nEmbd));
  return stages;
}

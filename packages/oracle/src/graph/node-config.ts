import type { NodeOperation } from '@llama-probe/dump/stage';
import type { OracleConfig } from '../model.js';
import { type HeadsOfLayer, maskOf } from './layer-attention.js';

/** ggml's rope modes that the oracle knows, by GGML_ROPE_TYPE_*: those with sections have several positions a token. */
const MODES: Readonly<
  Record<number, { readonly pairs: OracleConfig['ropePairs']; readonly sections?: 'interleaved' | 'together' }>
> = {
  0: { pairs: 'neighbours' },
  2: { pairs: 'halves' },
  8: { pairs: 'halves', sections: 'together' },
  40: { pairs: 'halves', sections: 'interleaved' },
};

/** What a ROPE node says of the rotation; undefined where it is one that the oracle does not compute. */
export function ropeConfig({ parameters: p, shape, inputs }: NodeOperation): Partial<OracleConfig> | undefined {
  const { pairs, sections } = MODES[p.mode ?? -1] ?? {};
  const isYarn = p.ext_factor === 1;
  if (!pairs || !(isYarn || (p.ext_factor === 0 && p.attn_factor === 1))) return undefined;
  const factors = inputs.find((input) => 'weight' in input);
  const yarn = {
    originalContext: p.n_ctx_orig ?? 0,
    betaFast: p.beta_fast ?? 0,
    betaSlow: p.beta_slow ?? 0,
    attnFactor: p.attn_factor ?? 1,
  };
  const counts = [p.section_0 ?? 0, p.section_1 ?? 0, p.section_2 ?? 0, p.section_3 ?? 0];
  return {
    headDim: shape[0] ?? 0,
    ropePairs: pairs,
    ...(sections ? { ropeSections: { counts, isInterleaved: sections === 'interleaved' } } : {}),
    ropeDims: p.n_dims ?? 0,
    ropeFreqBase: p.freq_base ?? 0,
    ropeFreqScale: p.freq_scale ?? 1,
    ropeFactors: factors && 'weight' in factors ? factors.weight : null,
    ...(isYarn ? { ropeYarn: yarn } : {}),
  };
}

/** What a SOFT_MAX node says of its scale; undefined where its mask hides by a rule that the oracle does not know. What it sees the layer says. */
export function softMaxConfig(node: NodeOperation): Partial<OracleConfig> | undefined {
  const { scale = 1, max_bias: maxAlibiBias = 0 } = node.parameters;
  const mask = maskOf(node);
  if (mask === undefined || mask === 'other') return undefined;
  return { attentionScale: scale, ...(maxAlibiBias > 0 ? { maxAlibiBias } : {}) };
}

/** What the nodes say of the model as a whole; of the rest each node says its own. */
export function modelConfig(nodes: readonly NodeOperation[], heads: ReadonlyMap<number, HeadsOfLayer>): OracleConfig {
  const of = (op: string) => nodes.find((node) => node.op === op);
  const {
    window: _,
    attentionScale: __,
    ...first
  } = [...heads.values()][0] ?? { headCount: 1, headCountKv: 1, headDim: 1 };
  return {
    ...first,
    embeddingLength: of('GET_ROWS')?.shape[0] ?? 0,
    rmsEpsilon: (of('RMS_NORM') ?? of('NORM'))?.parameters.eps ?? 0,
    ropeFreqBase: of('ROPE')?.parameters.freq_base ?? 10000,
    ropeFreqScale: of('ROPE')?.parameters.freq_scale ?? 1,
    attentionScale: 1 / Math.sqrt(first.headDim),
  };
}

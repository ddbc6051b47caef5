/**
 * What each architecture has that a Llama has not, where its formulas are from, and its bugs: wrong on purpose, each in a line of decoder.mjs. Of a bug: at
 * which stage it shows first, what `probe bugs` calls it (null: it is not catalogued), and the first layer that can have it, where that is not any.
 *
 * All of them turn the halves of a head, and norm with RMSNorm.
 */

/** Of all three. The stage of the residual behind attention is `inp`, that of the norm before the feed-forward `norm`, that of the activation `unit`. */
const shared = ({ inp, norm, kq }) => ({
  'rope-neighbours': ['q_rope', 'rope-neighbours'],
  'rope-base': ['q_rope', 'rope-theta'], // 500000 instead of the file's
  'rope-from-1': ['q_rope', 'rope-position-offset'],
  'rope-left-out': ['q_rope', 'rope-missing'],
  'rope-backwards': ['q_rope', 'rope-direction'],
  'rms-eps': ['attn_rms', 'rms-eps'], // 1e-3, as Keras has it, instead of the file's
  'layer-norm': ['attn_rms', 'rms-mean-subtracted'],
  'no-norm-weight': [norm, 'norm-weight-missing'],
  'norm-weight-plus-1': [norm, 'norm-weight-plus-one'],
  'gqa-tiled': ['kq', 'gqa-tiled'],
  'no-gqa': ['kq', 'gqa-divisor'],
  'no-scale': [kq, 'attention-scale-missing'],
  'no-mask': ['kq_soft_max', 'mask-missing'],
  'heads-apart': ['kqv_out', 'head-order'],
  'q-transposed': ['q_proj', 'weight-transposed'],
  'k-from-v': ['k_proj', 'weight-exchanged'],
  'residual-twice': [inp, 'residual-twice'],
  'no-residual': ['l_out', 'residual-missing'],
});

const DENSE = { 'down-of-first-layer': ['ffn_out', 'weight-other-layer'] };

const HEAD_NORMS = {
  'head-norm-left-out': ['q_rope', 'qk-norm-left-out'],
  'head-norm-after-rope': ['q_rope', 'qk-norm-after-rope'],
  'head-norm-over-row': ['q_rms', null], // one norm for all heads together
  'head-norms-exchanged': ['Qcur_normed', 'qk-norm-exchanged'], // Q has K's weight
};

const WINDOWS = {
  'window-ignored': ['kq_soft_max', 'window-ignored', 2],
  'window-too-long': ['kq_soft_max', 'window-off-by-one', 2],
  'window-too-short': ['kq_soft_max', 'window-off-by-one', 2],
};

export const ARCHITECTURES = {
  /** Qwen3 Technical Report, https://arxiv.org/abs/2505.09388, section 2: a Llama with a norm of each head of Q and K, before RoPE. */
  qwen3: {
    hasHeadNorms: true,
    names: { inp: 'ffn_inp', norm: 'ffn_norm', unit: 'ffn_swiglu' },
    bugs: {
      ...shared({ inp: 'ffn_inp', norm: 'ffn_norm', kq: 'kq_soft_max' }),
      ...DENSE,
      ...HEAD_NORMS,
      gelu: ['ffn_swiglu', 'activation-gelu'],
      relu: ['ffn_swiglu', 'activation-relu'],
      'gate-up-exchanged': ['ffn_swiglu', 'gate-up-exchanged'],
    },
  },
  /**
   * Gemma 3 Technical Report, https://arxiv.org/abs/2503.19786, section 2, and Gemma 2's, https://arxiv.org/abs/2408.00118, section 2: the embedding times √width, norms before and
   * behind attention and feed-forward, Q scaled before the product, GeGLU by tanh, windows whose RoPE has a base of its own. The file's norms have their 1 added already.
   */
  gemma3: {
    hasHeadNorms: true,
    isEmbeddingScaled: true,
    hasPostNorms: true,
    isQueryScaled: true,
    windowPattern: 6, // five with a window, then one without
    windowBase: 10000,
    names: { inp: 'sa_out', norm: 'ffn_norm', unit: 'ffn_geglu' },
    bugs: {
      ...shared({ inp: 'sa_out', norm: 'ffn_norm', kq: 'kq' }),
      ...DENSE,
      ...HEAD_NORMS,
      ...WINDOWS,
      'embedding-unscaled': ['inp_scaled', 'embedding-scale-left-out'],
      'embedding-scale-in-bf16': ['inp_scaled', null], // √width as bf16 has it, as Hugging Face multiplies
      'window-base-ignored': ['q_rope', 'rope-theta', 2],
      'windows-everywhere': ['kq_soft_max', 'sliding-window'],
      'query-scale-of-width': ['kq', 'attention-scale-dimension'], // 1/√(width / heads), as the 27B has it
      'post-norm-left-out': ['sa_out', null],
      silu: ['ffn_geglu', 'activation-of-gelu'],
      'gelu-sigmoid': ['ffn_geglu', 'activation-of-gelu'], // x · σ(1.702 x)
    },
  },
  /**
   * gpt-oss model card, https://arxiv.org/abs/2508.10925, section 2, and gpt_oss/torch/model.py of openai/gpt-oss: biases everywhere, a sink in each head, windows in every other layer,
   * the softmax over the chosen experts only, bounded SwiGLU, YaRN (https://arxiv.org/abs/2309.00071). Its ramp begins and ends at whole pairs here, as in YaRN's own code and llama.cpp.
   */
  'gpt-oss': {
    hasExperts: true,
    windowPattern: 2,
    names: { inp: 'ffn_inp', norm: 'attn_post_norm', unit: 'ffn_moe_swiglu_oai' },
    bugs: {
      ...shared({ inp: 'ffn_inp', norm: 'attn_post_norm', kq: 'kq_soft_max' }),
      ...WINDOWS,
      'sinks-ignored': ['kq_soft_max', 'sinks-ignored'],
      'yarn-no-magnitude': ['q_rope', 'yarn-no-magnitude'],
      'yarn-as-linear': ['q_rope', 'yarn-as-linear'], // all pairs slowed by the factor, and no magnitude
      'q-bias-missing': ['q_proj', 'bias-missing'],
      'attn-out-bias-missing': ['attn_out', 'bias-missing'],
      'router-bias-missing': ['ffn_moe_probs', 'router-bias-missing'],
      'router-softmax-of-all': ['ffn_moe_probs', 'router-activation'],
      'router-takes-the-least': ['ffn_moe_topk', null],
      'expert-weights-not-normalised': ['ffn_moe_weighted', null], // the softmax of all experts, of which the chosen sum to less than 1
      'expert-weights-swapped': ['ffn_moe_weighted', 'expert-weights-misplaced'],
      'expert-gate-up-exchanged': ['ffn_moe_gate', 'expert-gate-up-exchanged'],
      'expert-of-neighbour': ['ffn_moe_gate', 'expert-matrix'],
      'expert-bias-missing': ['ffn_moe_gate_biased', 'expert-bias'],
      'expert-bias-unweighted': ['ffn_moe_weighted', 'expert-bias-unweighted'],
      'expert-first-only': ['ffn_moe_out', 'expert-sum'],
      'unit-unbounded': ['ffn_moe_swiglu_oai', 'bounded-unit-bounds'],
      'unit-not-raised': ['ffn_moe_swiglu_oai', 'bounded-unit-raised'],
      'unit-silu': ['ffn_moe_swiglu_oai', 'bounded-unit-alpha'],
    },
  },
};

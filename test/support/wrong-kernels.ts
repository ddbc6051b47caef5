import { brokenShaders, type Patch } from './shaders.js';

/** Kernels gone wrong: what to change in which file. */
export const WRONG = {
  /** RoPE turns the halves of a head instead of adjacent pairs. */
  ropeHalves: [
    {
      file: 'rope.wgsl',
      before: 'let a = x[2u * i];',
      after: 'let p = i / pairs * head_dim + i % pairs; let a = x[p];',
    },
    { file: 'rope.wgsl', before: 'let b = x[2u * i + 1u];', after: 'let b = x[p + pairs];' },
    { file: 'rope.wgsl', before: 'put(2u * i, ', after: 'put(p, ' },
    { file: 'rope.wgsl', before: 'put(2u * i + 1u, ', after: 'put(p + pairs, ' },
  ],
  /** RoPE takes each token for the next one. */
  ropeOneOn: [{ file: 'rope.wgsl', before: 'first_position + token)', after: 'first_position + token + 1u)' }],
  /** RoPE starts again at position 0 in every pass. */
  ropeRestarts: [{ file: 'rope.wgsl', before: '(batch.first_position + token)', after: 'token' }],
  /** RMSNorm with an epsilon of 1. */
  epsilon: [{ file: 'rms_norm.wgsl', before: '+ epsilon)', after: '+ epsilon + 1.0)' }],
  /** SwiGLU with GELU's approximation in place of SiLU. */
  gelu: [{ file: 'swiglu.wgsl', before: 'exp(-g)', after: 'exp(-1.702 * g)' }],
  /** The values are taken from the KV heads in turns (0 1 2 3 0 1 …) instead of in groups (0 0 1 1 …). */
  valuesInTurns: [{ file: 'kqv.wgsl', before: '(heads / kv_heads)', after: '1u % kv_heads' }],
  /** The scores are not scaled. */
  unscaled: [
    { file: 'soft_max.wgsl', before: 'max(highest, scale * kq', after: 'max(highest, kq' },
    { file: 'soft_max.wgsl', before: 'exp(scale * kq', after: 'exp(kq' },
  ],
  /** The softmax is not divided by its sum. */
  unnormalised: [{ file: 'soft_max.wgsl', before: '/= sum;', after: '/= 1.0;' }],
  /** The mask lets each token see the next one of its pass. */
  maskOff: [
    { file: 'soft_max.wgsl', before: 'row / heads + 1u,', after: 'min(row / heads + 2u, batch.tokens),' },
    { file: 'kq.wgsl', before: 'first_position + token)', after: 'first_position + token + 1u)' },
  ],
  /** The residual stream is replaced, not added to. */
  noResidual: [{ file: 'add.wgsl', before: 'y[i] += x[i]', after: 'y[i] = x[i]' }],
  /** The cache is written one position too far. */
  cacheOneOn: [{ file: 'store_kv.wgsl', before: 'batch.first_position *', after: '(batch.first_position + 1u) *' }],
  /** A decoded token is written over the first one of the cache. */
  cacheAtZero: [{ file: 'store_kv.wgsl', before: 'batch.first_position *', after: '0u *' }],
  /** A NaN in token 2, column 3. */
  nan: [
    {
      file: 'swiglu.wgsl',
      before: '* up[i];',
      after: '* up[i]; if (i == (2u * width + 3u) / PART) { gate[i].w = bitcast<f32>(0x7fc00000u + batch.n_kv); }',
    },
  ],
} as const satisfies Record<string, readonly Patch[]>;

/** The environment of a run with these kernels gone wrong. @example probeJson(['compare'], wrong('gelu', 'epsilon')) */
export const wrong = (...names: readonly (keyof typeof WRONG)[]) =>
  broken(names.flatMap((name): readonly Patch[] => WRONG[name]));

/** The same with patches of one's own. */
export const broken = (patches: readonly Patch[]) => ({ env: { LLAMA_PROBE_SHADERS: brokenShaders(patches) } });

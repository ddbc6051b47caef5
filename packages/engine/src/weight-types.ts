import type { POINTS } from './codebooks/points.js';

export type WeightType =
  | ('F32' | 'F16' | 'BF16')
  | ('Q8_0' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'IQ4_NL' | 'MXFP4')
  | ('Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K')
  | ('IQ1_S' | 'IQ1_M' | 'IQ2_XXS' | 'IQ2_XS' | 'IQ2_S' | 'IQ3_XXS' | 'IQ3_S' | 'IQ4_XS')
  | ('Q1_0' | 'Q2_0' | 'TQ1_0' | 'TQ2_0' | 'NVFP4');

interface WeightLayout {
  ggmlType: number;
  elements: number;
  bytes: number;
  header: number;
  chunk: number;
  shader: string;
  /** What the shader finds at binding 4. */
  codebook?: keyof typeof POINTS;
}

/**
 * The weight types the engine computes with. `elements` and `bytes` are of one block in the file (ggml-common.h); `header` and
 * `chunk` are of one block on the GPU, in units of 16 bytes (pack.ts). `shader` knows how to read them (quant/block.wgsl).
 */
export const WEIGHT_TYPES: Record<WeightType, WeightLayout> = {
  F32: { ggmlType: 0, elements: 1, bytes: 4, header: 0, chunk: 8, shader: 'quant/f32.wgsl' },
  F16: { ggmlType: 1, elements: 1, bytes: 2, header: 0, chunk: 4, shader: 'quant/f16.wgsl' },
  Q4_0: { ggmlType: 2, elements: 32, bytes: 18, header: 1, chunk: 1, shader: 'quant/q4_0.wgsl' },
  Q4_1: { ggmlType: 3, elements: 32, bytes: 20, header: 2, chunk: 1, shader: 'quant/q4_1.wgsl' },
  Q5_0: { ggmlType: 6, elements: 32, bytes: 22, header: 3, chunk: 1, shader: 'quant/q5_0.wgsl' },
  Q5_1: { ggmlType: 7, elements: 32, bytes: 24, header: 4, chunk: 1, shader: 'quant/q5_1.wgsl' },
  Q8_0: { ggmlType: 8, elements: 32, bytes: 34, header: 1, chunk: 2, shader: 'quant/q8_0.wgsl' },
  Q2_K: { ggmlType: 10, elements: 256, bytes: 84, header: 6, chunk: 0, shader: 'quant/q2_k.wgsl' },
  Q3_K: { ggmlType: 11, elements: 256, bytes: 110, header: 7, chunk: 0, shader: 'quant/q3_k.wgsl' },
  Q4_K: { ggmlType: 12, elements: 256, bytes: 144, header: 1, chunk: 1, shader: 'quant/q4_k.wgsl' },
  Q5_K: { ggmlType: 13, elements: 256, bytes: 176, header: 3, chunk: 1, shader: 'quant/q5_k.wgsl' },
  Q6_K: { ggmlType: 14, elements: 256, bytes: 210, header: 6, chunk: 1, shader: 'quant/q6_k.wgsl' },
  IQ2_XXS: {
    ggmlType: 16,
    elements: 256,
    bytes: 66,
    header: 5,
    chunk: 0,
    shader: 'quant/iq2_xxs.wgsl',
    codebook: 'IQ2_XXS',
  },
  IQ2_XS: {
    ggmlType: 17,
    elements: 256,
    bytes: 74,
    header: 5,
    chunk: 0,
    shader: 'quant/iq2_xs.wgsl',
    codebook: 'IQ2_XS',
  },
  IQ3_XXS: {
    ggmlType: 18,
    elements: 256,
    bytes: 98,
    header: 7,
    chunk: 0,
    shader: 'quant/iq3_xxs.wgsl',
    codebook: 'IQ3_XXS',
  },
  IQ1_S: { ggmlType: 19, elements: 256, bytes: 50, header: 4, chunk: 0, shader: 'quant/iq1_s.wgsl', codebook: 'IQ1' },
  IQ4_NL: { ggmlType: 20, elements: 32, bytes: 18, header: 1, chunk: 1, shader: 'quant/iq4_nl.wgsl' },
  IQ3_S: {
    ggmlType: 21,
    elements: 256,
    bytes: 110,
    header: 7,
    chunk: 0,
    shader: 'quant/iq3_s.wgsl',
    codebook: 'IQ3_S',
  },
  IQ2_S: { ggmlType: 22, elements: 256, bytes: 82, header: 6, chunk: 0, shader: 'quant/iq2_s.wgsl', codebook: 'IQ2_S' },
  IQ4_XS: { ggmlType: 23, elements: 256, bytes: 136, header: 1, chunk: 1, shader: 'quant/iq4_xs.wgsl' },
  IQ1_M: { ggmlType: 29, elements: 256, bytes: 56, header: 4, chunk: 0, shader: 'quant/iq1_m.wgsl', codebook: 'IQ1' },
  BF16: { ggmlType: 30, elements: 1, bytes: 2, header: 0, chunk: 4, shader: 'quant/bf16.wgsl' },
  TQ1_0: { ggmlType: 34, elements: 256, bytes: 54, header: 4, chunk: 0, shader: 'quant/tq1_0.wgsl' },
  TQ2_0: { ggmlType: 35, elements: 256, bytes: 66, header: 5, chunk: 0, shader: 'quant/tq2_0.wgsl' },
  MXFP4: { ggmlType: 39, elements: 32, bytes: 17, header: 1, chunk: 1, shader: 'quant/mxfp4.wgsl' },
  NVFP4: { ggmlType: 40, elements: 64, bytes: 36, header: 1, chunk: 1, shader: 'quant/nvfp4.wgsl' },
  Q1_0: { ggmlType: 41, elements: 128, bytes: 18, header: 3, chunk: 0, shader: 'quant/q1_0.wgsl' },
  Q2_0: { ggmlType: 42, elements: 64, bytes: 18, header: 5, chunk: 0, shader: 'quant/q2_0.wgsl' },
};

/** Whether the engine has kernels for a type. */
export const isWeightType = (type: string): type is WeightType => Object.hasOwn(WEIGHT_TYPES, type);

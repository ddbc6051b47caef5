export type WeightType =
  | ('F32' | 'F16' | 'BF16')
  | ('Q8_0' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'IQ4_NL' | 'MXFP4')
  | ('Q2_K' | 'Q3_K' | 'Q4_K' | 'Q5_K' | 'Q6_K')
  | 'IQ4_XS';

/**
 * The weight types the engine computes with. `elements` and `bytes` are of one block in the file (ggml-common.h); `header` and
 * `chunk` are of one block on the GPU, in units of 16 bytes (pack.ts). `shader` knows how to read them (quant/block.wgsl).
 */
export const WEIGHT_TYPES: Record<
  WeightType,
  { ggmlType: number; elements: number; bytes: number; header: number; chunk: number; shader: string }
> = {
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
  IQ4_NL: { ggmlType: 20, elements: 32, bytes: 18, header: 1, chunk: 1, shader: 'quant/iq4_nl.wgsl' },
  IQ4_XS: { ggmlType: 23, elements: 256, bytes: 136, header: 1, chunk: 1, shader: 'quant/iq4_xs.wgsl' },
  BF16: { ggmlType: 30, elements: 1, bytes: 2, header: 0, chunk: 4, shader: 'quant/bf16.wgsl' },
  MXFP4: { ggmlType: 39, elements: 32, bytes: 17, header: 1, chunk: 1, shader: 'quant/mxfp4.wgsl' },
};

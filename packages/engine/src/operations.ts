import type { LlamaConfig } from './config.js';
import type { Commands, KernelCache } from './kernels.js';
import { type MulMat, WEIGHT_TYPES, type Weight } from './mul-mat.js';

/** The tokens that a pass works on. */
export interface Batch {
  readonly tokens: number;
  readonly firstPosition: number;
}

/** Positions seen so far, the batch included. */
export const nKv = (batch: Batch): number => batch.firstPosition + batch.tokens;

/** The steps of the pass as kernels: each call encodes one product or one elementwise kernel. dst comes first. */
export interface Operations {
  /** dst: (tokens, columns) ← the weight's rows at the token ids. */
  getRows(dst: GPUBuffer, weight: Weight, tokens: GPUBuffer): void;
  /** dst ← x / sqrt(mean(x²) + ε). */
  rmsNorm(dst: GPUBuffer, x: GPUBuffer): void;
  /** dst ← dst · w, w: (embeddingLength). */
  mul(dst: GPUBuffer, w: GPUBuffer): void;
  /** dst: (tokens, rows) ← x · Wᵀ (+ bias). */
  mulMat(dst: GPUBuffer, weight: Weight, x: GPUBuffer, bias?: GPUBuffer): void;
  ropeQ(q: GPUBuffer, rotation: GPUBuffer): void;
  ropeK(k: GPUBuffer, rotation: GPUBuffer): void;
  store(cache: GPUBuffer | undefined, x: GPUBuffer): void;
  kq(dst: GPUBuffer, q: GPUBuffer, k: GPUBuffer | undefined): void;
  softMax(kq: GPUBuffer): void;
  kqv(dst: GPUBuffer, p: GPUBuffer, v: GPUBuffer | undefined): void;
  /** dst ← dst + x. */
  add(dst: GPUBuffer, x: GPUBuffer): void;
  /** gate ← silu(gate) · up. */
  swiglu(gate: GPUBuffer, up: GPUBuffer): void;
}

const WORKGROUP = 64; // as in batch.wgsl

/** Binds the kernels to a model's sizes and to the batch whose uniform buffer is `uniform`. */
export function createOperations(
  config: LlamaConfig,
  kernels: KernelCache,
  mulMat: MulMat,
  commands: Commands,
  uniform: GPUBuffer,
  batch: Batch,
): Operations {
  const { headCount: heads, headCountKv: kv_heads, headDim: head_dim, embeddingLength, feedForwardLength } = config;
  const { tokens } = batch;

  const run = (kernel: string, constants: Record<string, number>, workgroups: number, ...buffers: GPUBuffer[]) => {
    const pipeline = kernels.pipeline(['batch.wgsl', `${kernel}.wgsl`], constants);
    commands.dispatch(pipeline, kernels.bindGroup(pipeline, [uniform, ...buffers]), workgroups);
  };
  const groups = (threads: number) => Math.ceil(threads / WORKGROUP);
  const each = (width: number) => groups(tokens * width);
  const rope = (x: GPUBuffer, rotation: GPUBuffer, count: number) =>
    run(
      'rope',
      { heads: count, head_dim, halves: config.ropePairs === 'halves' ? 1 : 0 },
      groups((tokens * count * head_dim) / 2),
      rotation,
      x,
    );

  return {
    getRows(dst, weight, ids) {
      const { shader } = WEIGHT_TYPES[weight.type];
      for (const { buffer, firstRow, rows } of weight.slices) {
        const constants = { columns: weight.columns, first_row: firstRow, rows };
        const pipeline = kernels.pipeline(['batch.wgsl', 'quant/block.wgsl', shader, 'get_rows.wgsl'], constants);
        const codebook = kernels.codebook(weight.type);
        const buffers = [uniform, buffer, ids, dst, ...(codebook ? [codebook] : [])];
        commands.dispatch(pipeline, kernels.bindGroup(pipeline, buffers), tokens);
      }
    },
    rmsNorm(dst, x) {
      run('rms_norm', { width: embeddingLength, epsilon: config.rmsEpsilon }, tokens, x, dst);
    },
    mul(dst, w) {
      run('mul', { width: embeddingLength }, each(embeddingLength), w, dst);
    },
    mulMat(dst, weight, x, bias) {
      mulMat.encode(commands.compute(), weight, x, dst, tokens);
      if (bias) run('add_bias', { width: weight.rows }, each(weight.rows), bias, dst);
    },
    ropeQ: (q, rotation) => rope(q, rotation, heads),
    ropeK: (k, rotation) => rope(k, rotation, kv_heads),
    store(cache, x) {
      run('store_kv', { width: kv_heads * head_dim }, each(kv_heads * head_dim), x, cache as GPUBuffer);
    },
    kq(dst, q, k) {
      run('kq', { heads, kv_heads, head_dim }, each(heads * nKv(batch)), q, k as GPUBuffer, dst);
    },
    softMax(kq) {
      run('soft_max', { heads, scale: config.attentionScale }, tokens * heads, kq);
    },
    kqv(dst, p, v) {
      run('kqv', { heads, kv_heads, head_dim }, each(heads * head_dim), p, v as GPUBuffer, dst);
    },
    add(dst, x) {
      run('add', { width: embeddingLength }, each(embeddingLength), x, dst);
    },
    swiglu(gate, up) {
      run('swiglu', { width: feedForwardLength }, each(feedForwardLength), up, gate);
    },
  };
}

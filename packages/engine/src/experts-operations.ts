import type { LlamaConfig } from './config.js';
import { atOnce, type Commands, type KernelCache, running } from './kernels.js';
import { WEIGHT_TYPES, type Weight } from './products/mul-mat.js';
import { weightShader } from './weight-data.js';

const WORKGROUP = 64; // as in batch.wgsl

/** The steps of a mixture of experts. */
export interface ExpertsOperations {
  /** router ← softmax(router), (tokens, experts). */
  softMaxExperts(router: GPUBuffer): void;
  /** shares ← softmax(shares), (tokens, used). */
  softMaxChosen(shares: GPUBuffer): void;
  /** chosen: (tokens, used) ← the experts with the largest values. */
  choose(chosen: GPUBuffer, router: GPUBuffer): void;
  /** shares: (tokens, used) ← the chosen ones' values. */
  pick(shares: GPUBuffer, router: GPUBuffer, chosen: GPUBuffer): void;
  /** shares ← shares / Σ shares. */
  share(shares: GPUBuffer): void;
  /** dst: (tokens, used, feedForwardLength) ← x · Wᵀ by each chosen expert. */
  mulMatExperts(dst: GPUBuffer, weight: Weight, x: GPUBuffer, chosen: GPUBuffer): void;
  /** dst: (tokens, used, embeddingLength) ← each chosen expert's own x · Wᵀ. */
  mulMatDown(dst: GPUBuffer, weight: Weight, x: GPUBuffer, chosen: GPUBuffer): void;
  /** dst ← dst + the chosen expert's bias, of so many values. */
  addBiasExperts(dst: GPUBuffer, b: GPUBuffer, chosen: GPUBuffer, rows: number): void;
  swigluExperts(gate: GPUBuffer, up: GPUBuffer): void;
  swigluOai(gate: GPUBuffer, up: GPUBuffer): void;
  /** down ← down times its expert's share. */
  weigh(down: GPUBuffer, shares: GPUBuffer): void;
  /** dst: (tokens, embeddingLength) ← the sum over the chosen experts. */
  sumExperts(dst: GPUBuffer, down: GPUBuffer): void;
}

/** They as kernels. A product is one sum a thread: which rows it reads, only the GPU knows. */
export function expertsOperations(
  config: LlamaConfig,
  kernels: KernelCache,
  commands: Commands,
  uniform: GPUBuffer,
  tokens: number,
): ExpertsOperations {
  const { embeddingLength: embd } = config;
  const { count, used, feedForwardLength: ff } = config.experts ?? { count: 0, used: 0, feedForwardLength: 0 };
  const groups = (threads: number) => Math.ceil(threads / WORKGROUP);
  const runFiles = running(kernels, commands, uniform);
  const run = (kernel: string, constants: Record<string, number>, threads: number, ...buffers: GPUBuffer[]) =>
    runFiles([kernel], constants, groups(threads), ...buffers);
  const mulMat = (
    dst: GPUBuffer,
    weight: Weight,
    x: GPUBuffer,
    chosen: GPUBuffer,
    { rows, per_expert }: { readonly rows: number; readonly per_expert: 0 | 1 },
  ) => {
    const { shader } = WEIGHT_TYPES[weight.type];
    for (const { data, firstRow, rows: inSlice } of weight.slices) {
      const files = ['batch.wgsl', weightShader(data), 'quant/block.wgsl', shader, 'experts_mul_mat.wgsl'];
      const constants = { columns: weight.columns, rows, used, first_row: firstRow, count: inSlice, per_expert };
      const pipeline = kernels.pipeline(files, constants);
      const bound = [uniform, data, chosen, dst, kernels.codebook(weight.type), x];
      commands.dispatch(pipeline, kernels.bindGroup(pipeline, bound), groups(tokens * used * rows));
    }
  };
  return {
    softMaxExperts: (router) => run('experts_soft_max', { width: count }, tokens, router),
    softMaxChosen: (shares) => run('experts_soft_max', { width: used }, tokens, shares),
    choose: (chosen, router) => run('experts_choose', { count, used }, tokens, router, chosen),
    pick: (shares, router, chosen) => run('experts_pick', { count, used }, tokens * used, router, chosen, shares),
    share: (shares) => run('experts_share', { used }, tokens, shares),
    mulMatExperts: (dst, weight, x, chosen) => mulMat(dst, weight, x, chosen, { rows: ff, per_expert: 0 }),
    mulMatDown: (dst, weight, x, chosen) => mulMat(dst, weight, x, chosen, { rows: embd, per_expert: 1 }),
    addBiasExperts: (dst, b, chosen, rows) =>
      run('experts_add_bias', { rows, used }, tokens * used * rows, b, chosen, dst),
    swigluExperts(gate, up) {
      const { count, file } = atOnce(ff);
      runFiles([file, 'swiglu'], { width: used * ff }, groups((tokens * used * ff) / count), up, gate);
    },
    swigluOai: (gate, up) => run('swiglu_oai', { width: used * ff }, tokens * used * ff, up, gate),
    weigh: (down, shares) => run('experts_weigh', { width: embd, used }, tokens * used * embd, shares, down),
    sumExperts: (dst, down) => run('experts_sum', { width: embd, used }, tokens * embd, down, dst),
  };
}

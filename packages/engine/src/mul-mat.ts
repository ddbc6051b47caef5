import type { AdapterInfo } from './adapter/index.js';
import { codebookOf } from './codebooks/codebook.js';
import { compile } from './compile.js';
import { shaderSource } from './kernels.js';
import { WEIGHT_TYPES, type WeightType } from './weight-types.js';

export { WEIGHT_TYPES, type WeightType };

/** A matrix on the GPU, its rows packed by packRows(), cut by rows where it is larger than one binding may be. */
export interface Weight {
  name: string;
  type: WeightType;
  rows: number;
  columns: number;
  slices: Array<{ buffer: GPUBuffer; firstRow: number; rows: number }>;
}

export interface MulMat {
  /** dst ← x · weightᵀ. x: (tokens, columns), dst: (tokens, rows), both f32. */
  encode(pass: GPUComputePassEncoder, weight: Weight, x: GPUBuffer, dst: GPUBuffer, tokens: number): void;
}

/** A kernel, and how many rows and tokens one of its workgroups computes. */
export interface ProductKernel {
  files: string[];
  rows: number;
  tokens: number;
}

const kernel = (file: string, rows: number, tokens: number): ProductKernel => ({
  files: ['mul_mat.wgsl', file],
  rows,
  tokens,
});

// On a CPU a thread keeps a block of sums in registers: there is no shared memory faster than the caches, and a barrier is dear.
const CPU_ONE = kernel('mul_mat_8x1.wgsl', 64, 1);
const CPU_FEW = kernel('mul_mat_8x4.wgsl', 64, 4);
const CPU_MANY = kernel('mul_mat_16x8.wgsl', 128, 8);
const GPU_FEW = kernel('mul_mat_rows.wgsl', 4, 1);
const GPU_MANY = kernel('mul_mat_tile.wgsl', 64, 64);
/** The invocations of mul_mat_tile.wgsl's workgroup; at compatibility level an adapter may have 128. */
const TILE = 256;
const ANY: ProductKernel = { files: ['mul_mat_any.wgsl'], rows: 64, tokens: 1 };

/** Products of so many multiplications repay what the larger kernel takes to compile on Mesa: 1.4 s, the smaller one 0.3 s. */
const LARGE = 2 ** 26;

/** Which kernel computes a product here. @param invocations the most that a workgroup may have */
export function chooseKernel(
  info: Pick<AdapterInfo, 'class' | 'kind'>,
  weight: Pick<Weight, 'rows' | 'columns'>,
  tokens: number,
  invocations: number,
): ProductKernel {
  if (weight.columns % 32 !== 0) return ANY;
  if (info.class === 'gpu') return tokens <= 4 || invocations < TILE ? GPU_FEW : GPU_MANY;
  if (tokens <= 2) return CPU_ONE; // two are as fast with it, and decoding compiles it anyway
  if (tokens <= 4 || info.kind === 'lavapipe') return CPU_FEW;
  return weight.rows * weight.columns * tokens >= LARGE ? CPU_MANY : CPU_FEW;
}

const MAX_WORKGROUPS = 65535;
const TYPES: readonly GPUBufferBindingType[] = ['uniform', 'read-only-storage', 'read-only-storage', 'storage'];

/**
 * The product kernels of a device. Pipelines and bind groups are made when first needed, and kept.
 *
 * @example mulMat.encode(pass, blk.ffnDown, s.hb, s.xb, tokens);
 */
export function createMulMat(device: GPUDevice, info: Pick<AdapterInfo, 'class' | 'kind'>): MulMat {
  const layoutOf = (label: string, types: readonly GPUBufferBindingType[]) => {
    const entries = types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
    const group = device.createBindGroupLayout({ label, entries });
    return { group, pipeline: device.createPipelineLayout({ label, bindGroupLayouts: [group] }) };
  };
  const plain = layoutOf('mul_mat', TYPES);
  const withCodebook = layoutOf('mul_mat with a codebook', [...TYPES, 'read-only-storage']);
  const layoutFor = (type: WeightType) => (WEIGHT_TYPES[type].codebook ? withCodebook : plain);

  const pipelines = new Map<string, GPUComputePipeline>();
  const pipelineOf = (type: WeightType, { files }: ProductKernel): GPUComputePipeline => {
    const label = `${files.at(-1)} ${type}`;
    const known = pipelines.get(label);
    if (known) return known;
    const code = ['quant/block.wgsl', WEIGHT_TYPES[type].shader, ...files].map(shaderSource).join('\n');
    const pipeline = compile(device, label, code, { layout: layoutFor(type).pipeline });
    pipelines.set(label, pipeline);
    return pipeline;
  };

  const uniforms = new Map<string, GPUBuffer>();
  const uniformOf = (values: number[]): GPUBuffer => {
    const key = values.join();
    const known = uniforms.get(key);
    if (known) return known;
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ label: `mul_mat shape ${key}`, size: 32, usage });
    device.queue.writeBuffer(buffer, 0, new Uint32Array(values));
    uniforms.set(key, buffer);
    return buffer;
  };

  const groups = new WeakMap<GPUBuffer, Map<string, GPUBindGroup>>();
  const idOf = numbered();
  const groupOf = (
    { name: label, type }: Weight,
    weight: GPUBuffer,
    others: { uniform: GPUBuffer; x: GPUBuffer; dst: GPUBuffer },
  ): GPUBindGroup => {
    const { uniform, x, dst } = others;
    const ofWeight = groups.get(weight) ?? new Map<string, GPUBindGroup>();
    groups.set(weight, ofWeight);
    const key = `${idOf(uniform)} ${idOf(x)} ${idOf(dst)}`;
    const known = ofWeight.get(key);
    if (known) return known;
    const buffers = [uniform, weight, x, dst, codebookOf(device, type)].filter((buffer) => buffer !== undefined);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = device.createBindGroup({ label, layout: layoutFor(type).group, entries });
    ofWeight.set(key, group);
    return group;
  };

  return {
    encode(pass, weight, x, dst, tokens) {
      const kernel = chooseKernel(info, weight, tokens, device.limits.maxComputeInvocationsPerWorkgroup);
      pass.setPipeline(pipelineOf(weight.type, kernel));
      for (const { buffer, firstRow, rows } of weight.slices) {
        const uniform = uniformOf([rows, weight.columns, tokens, firstRow, weight.rows]);
        pass.setBindGroup(0, groupOf(weight, buffer, { uniform, x, dst }));
        const count = Math.ceil(rows / kernel.rows);
        const folds = Math.ceil(count / MAX_WORKGROUPS); // kernels fold y back with folded_group()
        pass.dispatchWorkgroups(Math.ceil(count / folds), folds, Math.ceil(tokens / kernel.tokens));
      }
    },
  };
}

function numbered(): (object: object) => number {
  const ids = new WeakMap<object, number>();
  let last = 0;
  return (object) => {
    const id = ids.get(object) ?? ++last;
    ids.set(object, id);
    return id;
  };
}

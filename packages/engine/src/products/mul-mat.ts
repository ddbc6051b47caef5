import type { AdapterInfo } from '../adapter/index.js';
import { codebookOf } from '../codebooks/codebook.js';
import { compile } from '../compile.js';
import { WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import { type Choose, choosing } from './choose.js';
import { type Kernel, kernelText } from './kernel.js';

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

const MAX_WORKGROUPS = 65535;
const TYPES: readonly GPUBufferBindingType[] = ['uniform', 'read-only-storage', 'read-only-storage', 'storage'];

/**
 * The product kernels of a device. Pipelines and bind groups are made when first needed, and kept.
 *
 * @param choose the kernel of a product
 * @example mulMat.encode(pass, blk.ffnDown, s.hb, s.xb, tokens);
 */
export function createMulMat(
  device: GPUDevice,
  info: Pick<AdapterInfo, 'class' | 'kind'>,
  choose: Choose = choosing(info, device.limits),
): MulMat {
  const layoutOf = (label: string, types: readonly GPUBufferBindingType[]) => {
    const entries = types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
    const group = device.createBindGroupLayout({ label, entries });
    return { group, pipeline: device.createPipelineLayout({ label, bindGroupLayouts: [group] }) };
  };
  const plain = layoutOf('mul_mat', TYPES);
  const withCodebook = layoutOf('mul_mat with a codebook', [...TYPES, 'read-only-storage']);
  const layoutFor = (type: WeightType) => (WEIGHT_TYPES[type].codebook ? withCodebook : plain);

  const pipelines = new Map<string, GPUComputePipeline>();
  const pipelineOf = (type: WeightType, kernel: Kernel): GPUComputePipeline => {
    const label = `${kernel.name} ${type}`;
    const known = pipelines.get(label);
    if (known) return known;
    const pipeline = compile(device, label, kernelText(type, kernel), { layout: layoutFor(type).pipeline });
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
      const kernel = choose(weight, tokens);
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

import type { AdapterInfo } from './adapter/index.js';
import { shaderSource } from './kernels.js';

export type WeightType = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q4_K' | 'Q5_K' | 'Q6_K';

/**
 * The weight types the engine computes with. `elements` and `bytes` are of one block (ggml-common.h).
 *
 * `shader` supplies `weights(chunk: u32) -> array<vec4f, 8>`: weights 32·chunk … 32·chunk + 31, counted from the beginning of the
 * buffer that its user declares as `weight: array<u32>`.
 */
export const WEIGHT_TYPES: Record<WeightType, { ggmlType: number; elements: number; bytes: number; shader: string }> = {
  F32: { ggmlType: 0, elements: 1, bytes: 4, shader: 'quant/f32.wgsl' },
  F16: { ggmlType: 1, elements: 1, bytes: 2, shader: 'quant/f16.wgsl' },
  Q4_0: { ggmlType: 2, elements: 32, bytes: 18, shader: 'quant/q4_0.wgsl' },
  Q4_1: { ggmlType: 3, elements: 32, bytes: 20, shader: 'quant/q4_1.wgsl' },
  Q5_0: { ggmlType: 6, elements: 32, bytes: 22, shader: 'quant/q5_0.wgsl' },
  Q5_1: { ggmlType: 7, elements: 32, bytes: 24, shader: 'quant/q5_1.wgsl' },
  Q8_0: { ggmlType: 8, elements: 32, bytes: 34, shader: 'quant/q8_0.wgsl' },
  Q4_K: { ggmlType: 12, elements: 256, bytes: 144, shader: 'quant/q4_k.wgsl' },
  Q5_K: { ggmlType: 13, elements: 256, bytes: 176, shader: 'quant/q5_k.wgsl' },
  Q6_K: { ggmlType: 14, elements: 256, bytes: 210, shader: 'quant/q6_k.wgsl' },
  BF16: { ggmlType: 30, elements: 1, bytes: 2, shader: 'quant/bf16.wgsl' },
};

/** A matrix on the GPU in the file's own blocks, cut by rows where it is larger than one binding may be. */
export interface Weight {
  name: string;
  type: WeightType;
  rows: number;
  columns: number;
  /** Each buffer is padded up to a multiple of 4 bytes. */
  slices: Array<{ buffer: GPUBuffer; firstRow: number; rows: number }>;
}

export interface MulMat {
  /** dst ← x · weightᵀ. x: (tokens, columns), dst: (tokens, rows), both f32. */
  encode(pass: GPUComputePassEncoder, weight: Weight, x: GPUBuffer, dst: GPUBuffer, tokens: number): void;
}

const MAX_WORKGROUPS = 65535;

/** The product kernels of a device. Pipelines and bind groups are made when first needed, and kept. */
export function createMulMat(device: GPUDevice, _info: Pick<AdapterInfo, 'class' | 'kind'>): MulMat {
  const pipelines = new Map<string, GPUComputePipeline>();
  const uniforms = new Map<string, GPUBuffer>();
  const groups = new WeakMap<GPUBuffer, Map<string, GPUBindGroup>>();
  const ids = new WeakMap<GPUBuffer, number>();
  let lastId = 0;
  const id = (buffer: GPUBuffer): number => {
    const known = ids.get(buffer);
    if (known) return known;
    ids.set(buffer, ++lastId);
    return lastId;
  };

  const pipelineFor = (type: WeightType): GPUComputePipeline => {
    const known = pipelines.get(type);
    if (known) return known;
    const label = `mul_mat ${type}`;
    const code = [WEIGHT_TYPES[type].shader, 'mul_mat.wgsl'].map(shaderSource).join('\n');
    const module = device.createShaderModule({ label, code });
    const pipeline = device.createComputePipeline({ label, layout: 'auto', compute: { module } });
    pipelines.set(type, pipeline);
    return pipeline;
  };
  const uniformOf = (values: number[]): GPUBuffer => {
    const key = values.join();
    const known = uniforms.get(key);
    if (known) return known;
    const buffer = device.createBuffer({
      label: `mul_mat ${key}`,
      size: 32,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, new Uint32Array(values));
    uniforms.set(key, buffer);
    return buffer;
  };
  return {
    encode(pass, weight, x, dst, tokens) {
      const pipeline = pipelineFor(weight.type);
      pass.setPipeline(pipeline);
      for (const { buffer, firstRow, rows } of weight.slices) {
        const uniform = uniformOf([rows, weight.columns, tokens, firstRow, weight.rows]);
        const key = [uniform, x, dst].map(id).join();
        let ofWeight = groups.get(buffer);
        if (!ofWeight) groups.set(buffer, (ofWeight = new Map()));
        let group = ofWeight.get(key);
        if (!group) {
          const entries = [uniform, buffer, x, dst].map((buffer, binding) => ({ binding, resource: { buffer } }));
          group = device.createBindGroup({ label: weight.name, layout: pipeline.getBindGroupLayout(0), entries });
          ofWeight.set(key, group);
        }
        pass.setBindGroup(0, group);
        const count = Math.ceil(rows / 64);
        const folds = Math.ceil(count / MAX_WORKGROUPS);
        pass.dispatchWorkgroups(Math.ceil(count / folds), folds, tokens);
      }
    },
  };
}

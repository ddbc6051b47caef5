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

/** What becomes of a product within its own kernel (mul_mat.wgsl), where no stage is looked at in between. */
export interface Ending {
  /** (rows), added to each row of it. */
  readonly bias?: GPUBuffer | undefined;
  /** It is added to what `dst` has, or multiplied with that one's silu; without it, it takes its place. */
  readonly into?: 'sum' | 'swiglu';
}

export interface MulMat {
  /** dst ← x · weightᵀ. x: (tokens, columns), dst: (tokens, rows), both f32. */
  encode(
    pass: GPUComputePassEncoder,
    weight: Weight,
    x: GPUBuffer,
    dst: GPUBuffer,
    tokens: number,
    ending?: Ending,
  ): void;
  /** Whether products of this weight can have that ending: those of rows that are no multiple of 32 have none, and a codebook leaves no room for a bias. */
  canEnd(weight: Weight, ending: Ending): boolean;
}

/** As in mul_mat.wgsl. */
const INTO = { sum: 1, swiglu: 2 };

const MAX_WORKGROUPS = 65535;
const TYPES: readonly GPUBufferBindingType[] = ['uniform', 'read-only-storage', 'read-only-storage', 'storage'];
const [CODEBOOK, BIAS] = [4, 5]; // their bindings

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
  const layoutOf = (label: string, also: number | undefined) => {
    const all = [...TYPES.entries(), ...(also === undefined ? [] : [[also, 'read-only-storage'] as const])];
    const entries = all.map(([binding, type]) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
    const group = device.createBindGroupLayout({ label, entries });
    return { group, pipeline: device.createPipelineLayout({ label, bindGroupLayouts: [group] }) };
  };
  const layouts = new Map<string, ReturnType<typeof layoutOf>>();
  /** With a codebook at binding 4, or a bias at binding 5. */
  const layoutFor = (type: WeightType, isBiased: boolean) => {
    const also = WEIGHT_TYPES[type].codebook ? CODEBOOK : isBiased ? BIAS : undefined;
    const label = `mul_mat${also === undefined ? '' : ` with binding ${also}`}`;
    const layout = layouts.get(label) ?? layoutOf(label, also);
    layouts.set(label, layout);
    return layout;
  };

  const pipelines = new Map<string, GPUComputePipeline>();
  const pipelineOf = (type: WeightType, kernel: Kernel, { bias, into }: Ending): GPUComputePipeline => {
    const label = [kernel.name, type, ...(bias ? ['biased'] : []), ...(into ? [into] : [])].join(' ');
    const known = pipelines.get(label);
    if (known) return known;
    const isBiased = bias !== undefined;
    const pipeline = compile(device, label, kernelText(type, kernel, isBiased), {
      layout: layoutFor(type, isBiased).pipeline,
      constants: into ? { into: INTO[into] } : {},
    });
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
    others: { uniform: GPUBuffer; x: GPUBuffer; dst: GPUBuffer; bias: GPUBuffer | undefined },
  ): GPUBindGroup => {
    const { uniform, x, dst, bias } = others;
    const ofWeight = groups.get(weight) ?? new Map<string, GPUBindGroup>();
    groups.set(weight, ofWeight);
    const key = [uniform, x, dst, ...(bias ? [bias] : [])].map(idOf).join(' ');
    const known = ofWeight.get(key);
    if (known) return known;
    const entries = [uniform, weight, x, dst, codebookOf(device, type), bias].flatMap((buffer, binding) =>
      buffer ? [{ binding, resource: { buffer } }] : [],
    );
    const group = device.createBindGroup({ label, layout: layoutFor(type, bias !== undefined).group, entries });
    ofWeight.set(key, group);
    return group;
  };

  return {
    canEnd: ({ type, columns }, { bias }) => columns % 32 === 0 && !(bias && WEIGHT_TYPES[type].codebook),
    encode(pass, weight, x, dst, tokens, ending = {}) {
      const kernel = choose(weight, tokens);
      pass.setPipeline(pipelineOf(weight.type, kernel, ending));
      for (const { buffer, firstRow, rows } of weight.slices) {
        const uniform = uniformOf([rows, weight.columns, tokens, firstRow, weight.rows]);
        pass.setBindGroup(0, groupOf(weight, buffer, { uniform, x, dst, bias: ending.bias }));
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

import { codebookOf } from '../codebooks/codebook.js';
import { compile } from '../compile.js';
import { folded } from '../folded.js';
import { textureCopies } from '../texture-copies.js';
import { isTexture, resourceOf, type WeightData } from '../weight-data.js';
import { WEIGHT_TYPES, type WeightType } from '../weight-types.js';
import type { Adapter } from './blocks.js';
import { type Choose, choosing } from './choose.js';
import { type Kernel, kernelText, type XData } from './kernel.js';
import { UNIFORM_BYTES, xDataOf } from './x-data.js';

export { WEIGHT_TYPES, type WeightType };

/** A matrix on the GPU, its rows packed by packRows(), cut by rows where it is larger than one binding may be. */
export interface Weight {
  name: string;
  type: WeightType;
  rows: number;
  columns: number;
  slices: Array<{ data: WeightData; firstRow: number; rows: number }>;
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

const [CODEBOOK, BIAS] = [4, 5]; // their bindings

type LayoutOf = Pick<GPUBindGroupLayoutEntry, 'buffer' | 'storageTexture'>;
const UNIFORM: LayoutOf = { buffer: { type: 'uniform' } };
const READ: LayoutOf = { buffer: { type: 'read-only-storage' } };
const texels = (format: GPUTextureFormat): LayoutOf => ({ storageTexture: { access: 'read-only', format } });
const [WEIGHT_TEXELS, X_TEXELS] = [texels('rgba32uint'), texels('rgba32float')];

/** What a kernel is compiled for, beside the type of the weights. */
interface Form {
  readonly weight: WeightData;
  readonly x: XData;
  readonly isBiased: boolean;
}

/**
 * The product kernels of a device. Pipelines and bind groups are made when first needed, and kept.
 *
 * @param choose the kernel of a product
 * @example mulMat.encode(pass, blk.ffnDown, s.hb, s.xb, tokens);
 */
export function createMulMat(device: GPUDevice, info: Adapter, choose: Choose = choosing(info)): MulMat {
  const layoutOf = (label: string, kinds: ReadonlyMap<number, LayoutOf>) => {
    const visibility = GPUShaderStage.COMPUTE;
    const entries = [...kinds].map(([binding, kind]) => ({ binding, visibility, ...kind }));
    const group = device.createBindGroupLayout({ label, entries });
    return { group, pipeline: device.createPipelineLayout({ label, bindGroupLayouts: [group] }) };
  };
  const layouts = new Map<string, ReturnType<typeof layoutOf>>();
  /** With a codebook at binding 4, or a bias at binding 5. */
  const layoutFor = (type: WeightType, { weight, x, isBiased }: Form) => {
    const also = WEIGHT_TYPES[type].codebook ? CODEBOOK : isBiased ? BIAS : undefined;
    const inTexture = isTexture(weight);
    const label = `mul_mat${inTexture ? ' of a texture' : ''} with ${x} x${also === undefined ? '' : ` and binding ${also}`}`;
    const kinds = new Map<number, LayoutOf>([
      [0, UNIFORM],
      [1, inTexture ? WEIGHT_TEXELS : READ],
      [2, x === 'uniform' ? UNIFORM : x === 'texture' ? X_TEXELS : READ],
      [3, { buffer: { type: 'storage' } }],
      ...(also === undefined ? [] : [[also, READ] as const]),
    ]);
    const layout = layouts.get(label) ?? layoutOf(label, kinds);
    layouts.set(label, layout);
    return layout;
  };

  const pipelines = new Map<string, GPUComputePipeline>();
  const pipelineOf = (type: WeightType, kernel: Kernel, form: Form, into: Ending['into']): GPUComputePipeline => {
    const { weight, x, isBiased } = form;
    const also = [...(isBiased ? ['biased'] : []), ...(into ? [into] : [])];
    const label = [kernel.name, type, isTexture(weight) ? 'texture' : 'buffer', x, ...also].join(' ');
    const known = pipelines.get(label);
    if (known) return known;
    const pipeline = compile(device, label, kernelText(type, kernel, form), {
      layout: layoutFor(type, form).pipeline,
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

  const groups = new WeakMap<WeightData, Map<string, GPUBindGroup>>();
  const idOf = numbered();
  const groupOf = (
    { name: label, type }: Weight,
    form: Form,
    others: { uniform: GPUBuffer; x: GPUBuffer | GPUTexture; dst: GPUBuffer; bias: GPUBuffer | undefined },
  ): GPUBindGroup => {
    const { weight } = form;
    const { uniform, x, dst, bias } = others;
    const ofWeight = groups.get(weight) ?? new Map<string, GPUBindGroup>();
    groups.set(weight, ofWeight);
    const key = [uniform, x, dst, ...(bias ? [bias] : [])].map(idOf).join(' ');
    const known = ofWeight.get(key);
    if (known) return known;
    const ofX = form.x === 'uniform' ? { buffer: x as GPUBuffer, size: UNIFORM_BYTES } : resourceOf(x);
    const also = [codebookOf(device, type), bias].map((buffer) => buffer && { buffer });
    const resources = [{ buffer: uniform }, resourceOf(weight), ofX, { buffer: dst }, ...also];
    const entries = resources.flatMap((resource, binding) => (resource ? [{ binding, resource }] : []));
    const group = device.createBindGroup({ label, layout: layoutFor(type, form).group, entries });
    ofWeight.set(key, group);
    return group;
  };

  const { copy } = textureCopies(device);

  return {
    canEnd: ({ type, columns }, { bias }) => columns % 32 === 0 && !(bias && WEIGHT_TYPES[type].codebook),
    encode(pass, weight, x, dst, tokens, { bias, into } = {}) {
      const kernel = choose(weight, tokens);
      const bytes = tokens * weight.columns * 4;
      const [first] = weight.slices;
      if (!first) return;
      const from = xDataOf(kernel, first.data, x, bytes); // of all slices, which are alike
      const given = from === 'texture' ? copy(pass, x, bytes) : x;
      for (const { data, firstRow, rows } of weight.slices) {
        const form = { weight: data, x: from, isBiased: bias !== undefined };
        const uniform = uniformOf([rows, weight.columns, tokens, firstRow, weight.rows]);
        pass.setPipeline(pipelineOf(weight.type, kernel, form, into));
        pass.setBindGroup(0, groupOf(weight, form, { uniform, x: given, dst, bias }));
        pass.dispatchWorkgroups(...folded(Math.ceil(rows / kernel.rows)), Math.ceil(tokens / kernel.tokens));
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

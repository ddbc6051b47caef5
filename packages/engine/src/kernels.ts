import type { AdapterInfo } from './adapter/index.js';
import { codebookOf } from './codebooks/codebook.js';
import { compile } from './compile.js';
import { folded } from './folded.js';
import { shaderSource } from './shader-source.js';
import { type TextureCopies, textureCopies } from './texture-copies.js';
import { prefersTextures, resourceOf } from './weight-data.js';
import type { WeightType } from './weight-types.js';

/** How many numbers of a row a kernel reads at once, and the file that it has that from. */
export function atOnce(width: number): { readonly count: number; readonly file: string } {
  if (width % 4 === 0) return { count: 4, file: 'fours' };
  return width % 2 === 0 ? { count: 2, file: 'twos' } : { count: 1, file: 'ones' };
}

/** A command that is put off until the next one comes. */
export interface Deferred {
  encode(): void;
}

/**
 * The commands of one submit: dispatches in as few compute passes as copies allow.
 *
 * @example commands.dispatch(pipeline, bindGroup, 100); commands.copy(a, 0, b, 0, 64); commands.submit();
 */
export class Commands {
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private deferred: Deferred | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** Encodes it before whatever comes next, unless that takes it over. */
  defer(deferred: Deferred): void {
    this.flush();
    this.deferred = deferred;
  }

  /** What was deferred, which is not encoded any more, if it fits: whoever takes it over encodes it with something else (merged.ts). */
  takeDeferred(fits: (deferred: Deferred) => boolean): Deferred | undefined {
    const { deferred } = this;
    if (!deferred || !fits(deferred)) return undefined;
    this.deferred = undefined;
    return deferred;
  }

  private flush(): void {
    const { deferred } = this;
    this.deferred = undefined;
    deferred?.encode();
  }

  /** The compute pass to encode into. */
  compute(): GPUComputePassEncoder {
    this.flush();
    this.encoder ??= this.device.createCommandEncoder({ label: 'forward' });
    this.pass ??= this.encoder.beginComputePass({ label: 'forward' });
    return this.pass;
  }

  /** `workgroups` may exceed the limit of one dimension. */
  dispatch(pipeline: GPUComputePipeline, bindGroup: GPUBindGroup, workgroups: number): void {
    const pass = this.compute();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...folded(workgroups));
  }

  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    this.flush();
    this.pass?.end();
    this.pass = undefined;
    this.encoder ??= this.device.createCommandEncoder({ label: 'forward' });
    this.encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
  }

  submit(): void {
    this.flush();
    this.pass?.end();
    this.pass = undefined;
    if (!this.encoder) return;
    this.device.queue.submit([this.encoder.finish()]);
    this.encoder = undefined;
  }
}

/** Runs kernels of a pass, each of some files without their ending, at whose binding 0 is the batch. */
export type Run = (
  files: readonly string[],
  constants: Record<string, number>,
  workgroups: number,
  ...bound: ReadonlyArray<GPUBuffer | GPUTexture>
) => void;

/** @example running(kernels, commands, batch)(['fours', 'add'], { width }, groups, x, dst) */
export const running =
  (kernels: KernelCache, commands: Commands, batch: GPUBuffer): Run =>
  (files, constants, workgroups, ...bound) => {
    const pipeline = kernels.pipeline(['batch.wgsl', ...files.map((file) => `${file}.wgsl`)], constants);
    commands.dispatch(pipeline, kernels.bindGroup(pipeline, [batch, ...bound]), workgroups);
  };

/** How many threads add up a row together, with barriers. On a CPU a thread is a lane of a vector, and vectors take turns at each barrier: there is one. */
const ROW_THREADS = { gpu: 64, cpu: 8 } as const;

/** Pipelines and bind groups by what they are made of: each is created once. */
export class KernelCache {
  private readonly texts = new Map<string, string>();
  private readonly pipelines = new Map<string, GPUComputePipeline>();
  private readonly groups = new Map<string, GPUBindGroup>();
  private readonly ids = new WeakMap<object, number>();
  private lastId = 0;

  private readonly device: GPUDevice;
  readonly rowThreads: number;
  /** Whether what is read often is better in a texture. */
  readonly prefersTextures: boolean;
  /** What is read by these kernels: products have copies of their own. */
  readonly copies: TextureCopies;

  /** @param source the text of a shader file; tests break one to see that its check can fail. */
  constructor(
    { device, info }: { readonly device: GPUDevice; readonly info: Pick<AdapterInfo, 'class' | 'kind'> },
    private readonly source: (file: string) => string = shaderSource,
  ) {
    this.device = device;
    this.rowThreads = ROW_THREADS[info.class];
    this.prefersTextures = prefersTextures(info);
    this.copies = textureCopies(device);
  }

  /** @param files are concatenated: declarations first, the file with main() last. */
  pipeline(files: readonly string[], constants: Record<string, number>): GPUComputePipeline {
    const name = files.at(-1) as string;
    const key = `${files.join('+')} ${JSON.stringify(constants)}`;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      const code = files.map((file) => this.text(file)).join('\n');
      pipeline = compile(this.device, name, code, { constants });
      this.pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  private text(file: string): string {
    const text = this.texts.get(file) ?? this.source(file);
    this.texts.set(file, text);
    return text;
  }

  /** Binds buffers and textures in order from binding 0; where one is undefined, nothing is bound. */
  bindGroup(pipeline: GPUComputePipeline, bound: ReadonlyArray<GPUBuffer | GPUTexture | undefined>): GPUBindGroup {
    const key = [pipeline, ...bound].map((object) => (object ? this.id(object) : '-')).join(' ');
    let group = this.groups.get(key);
    if (!group) {
      group = this.device.createBindGroup({
        label: pipeline.label,
        layout: pipeline.getBindGroupLayout(0),
        entries: bound.flatMap((one, binding) => (one ? [{ binding, resource: resourceOf(one) }] : [])),
      });
      this.groups.set(key, group);
    }
    return group;
  }

  /** For buffers that are gone: a bind group would keep them. Groups are made again as they are needed. */
  forgetGroups(): void {
    this.groups.clear();
  }

  /** What the shader of a weight type finds at binding 4, if it looks anything up. */
  codebook(type: WeightType): GPUBuffer | undefined {
    return codebookOf(this.device, type);
  }

  private id(object: object): number {
    let id = this.ids.get(object);
    if (id === undefined) {
      id = ++this.lastId;
      this.ids.set(object, id);
    }
    return id;
  }
}

import { compile } from './compile.js';
import { folded } from './folded.js';
import { shaderSource } from './shader-source.js';
import { TEXELS } from './weight-data.js';

const SHADER = 'x_to_texture.wgsl';
const WORKGROUP = 64; // as there

export interface TextureCopies {
  /** Whether a texture has room for so many bytes. */
  fits(bytes: number): boolean;
  /** Encodes a copy of a buffer's first bytes, in the order that data/x_texture.wgsl reads them. */
  copy(pass: GPUComputePassEncoder, x: GPUBuffer, bytes: number): GPUTexture;
}

const linesOf = (bytes: number): number => 2 ** Math.ceil(Math.log2(Math.ceil(bytes / 16 / TEXELS)));

/**
 * Copies numbers into a texture, which is the same again for the next ones: the GPU comes to what reads those later.
 *
 * @example const { copy } = textureCopies(device); const texture = copy(pass, x, tokens * columns * 4);
 */
export function textureCopies(device: GPUDevice): TextureCopies {
  let pipeline: GPUComputePipeline | undefined;
  let texture: GPUTexture | undefined;
  let groups = new WeakMap<GPUBuffer, GPUBindGroup>();
  const copy: TextureCopies['copy'] = (pass, x, bytes) => {
    pipeline ??= compile(device, SHADER, shaderSource(SHADER));
    const lines = linesOf(bytes);
    if (!texture || texture.height < lines) {
      // What is encoded already may need the smaller one.
      texture = device.createTexture({
        label: 'x',
        size: [TEXELS, lines],
        format: 'rgba32float',
        usage: GPUTextureUsage.STORAGE_BINDING,
      });
      groups = new WeakMap();
    }
    let group = groups.get(x);
    if (!group) {
      const entries = [{ buffer: x }, texture.createView()].map((resource, binding) => ({ binding, resource }));
      group = device.createBindGroup({ label: 'x', layout: pipeline.getBindGroupLayout(0), entries });
      groups.set(x, group);
    }
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...folded(Math.ceil(bytes / 16 / WORKGROUP)));
    return texture;
  };
  return { fits: (bytes) => linesOf(bytes) <= device.limits.maxTextureDimension2D, copy };
}

import { compile } from '../compile.js';
import { folded, shaderSource } from '../kernels.js';
import { isTexture, TEXELS, type WeightData } from '../weight-data.js';
import { ANY, type Kernel, type XData } from './kernel.js';

/** What data/x_uniform.wgsl binds. A buffer that a product of one token may read so is as large, and has the usage. */
export const UNIFORM_BYTES = 64 << 10;

const SHADER = 'x_to_texture.wgsl';
const WORKGROUP = 64; // as there

/**
 * Where a kernel is to find x: where weights are in textures, not in a buffer either. One token after the other reads a uniform buffer; a block of
 * several reads each number for itself alone, and a texture is faster.
 */
export function xDataOf(kernel: Kernel, weight: WeightData, x: GPUBuffer, bytes: number): XData {
  if (!isTexture(weight) || kernel.name === ANY.name) return 'buffer';
  const fits = bytes <= UNIFORM_BYTES && x.size >= UNIFORM_BYTES && (x.usage & GPUBufferUsage.UNIFORM) !== 0;
  return kernel.tokens === 1 && fits ? 'uniform' : 'texture';
}

/**
 * Copies x into a texture, which is the same again for the next product: the GPU comes to that one later.
 *
 * @example const texture = xTextures(device); texture(pass, x, tokens * columns * 4)
 */
export function xTextures(device: GPUDevice): (pass: GPUComputePassEncoder, x: GPUBuffer, bytes: number) => GPUTexture {
  let pipeline: GPUComputePipeline | undefined;
  let texture: GPUTexture | undefined;
  let groups = new WeakMap<GPUBuffer, GPUBindGroup>();
  return (pass, x, bytes) => {
    pipeline ??= compile(device, SHADER, shaderSource(SHADER));
    const texels = bytes / 16;
    const lines = 2 ** Math.ceil(Math.log2(Math.ceil(texels / TEXELS)));
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
    pass.dispatchWorkgroups(...folded(Math.ceil(texels / WORKGROUP)));
    return texture;
  };
}

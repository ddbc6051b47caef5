import { isTexture, type WeightData } from '../weight-data.js';
import { ANY, type Kernel, type XData } from './kernel.js';

/** What data/x_uniform.wgsl binds. A buffer that a product of one token may read so is as large, and has the usage. */
export const UNIFORM_BYTES = 64 << 10;

/**
 * Where a kernel is to find x: where weights are in textures, not in a buffer either. One token after the other reads a uniform buffer; a block of
 * several reads each number for itself alone, and a texture is faster.
 */
export function xDataOf(kernel: Kernel, weight: WeightData, x: GPUBuffer, bytes: number): XData {
  if (!isTexture(weight) || kernel.name === ANY.name) return 'buffer';
  const fits = bytes <= UNIFORM_BYTES && x.size >= UNIFORM_BYTES && (x.usage & GPUBufferUsage.UNIFORM) !== 0;
  return kernel.tokens === 1 && fits ? 'uniform' : 'texture';
}

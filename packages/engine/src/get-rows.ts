import type { Commands, KernelCache } from './kernels.js';
import { WEIGHT_TYPES, type Weight } from './products/mul-mat.js';
import { weightShader } from './weight-data.js';

/** dst: (tokens, columns) ← the weight's rows at the ids. `uniform` is the batch's, whose tokens are as many as the ids. */
export function encodeGetRows(
  kernels: KernelCache,
  commands: Commands,
  uniform: GPUBuffer,
  dst: GPUBuffer,
  weight: Weight,
  ids: GPUBuffer,
  tokens: number,
): void {
  const { shader } = WEIGHT_TYPES[weight.type];
  for (const { data, firstRow, rows } of weight.slices) {
    const constants = { columns: weight.columns, first_row: firstRow, rows };
    const pipeline = kernels.pipeline(
      ['batch.wgsl', weightShader(data), 'quant/block.wgsl', shader, 'get_rows.wgsl'],
      constants,
    );
    const codebook = kernels.codebook(weight.type);
    const bound = [uniform, data, ids, dst, ...(codebook ? [codebook] : [])];
    commands.dispatch(pipeline, kernels.bindGroup(pipeline, bound), tokens);
  }
}

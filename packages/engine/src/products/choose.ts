import type { AdapterInfo } from '../adapter/index.js';
import type { WeightType } from '../weight-types.js';
import { blockOf, type Key, type Measured } from './blocks.js';
import { ANY, blockKernel, GPU_FEW, GPU_MANY, type Kernel } from './kernel.js';

/** The kernel of a product of so many tokens. */
export type Choose = (
  weight: { readonly type: WeightType; readonly rows: number; readonly columns: number },
  tokens: number,
) => Kernel;

/** The invocations of mul_mat_tile.wgsl's workgroup; at compatibility level an adapter may have 128. */
const TILE = 256;

/**
 * Chooses kernels for an adapter.
 *
 * @param measured blocks, which may become more meanwhile @param asked how many multiplications, as they become more; of what it does not name, many
 * @example createMulMat(device, info, choosing(info, device.limits, measured))
 */
export function choosing(
  info: Pick<AdapterInfo, 'class' | 'kind'>,
  limits: Pick<GPUSupportedLimits, 'maxComputeInvocationsPerWorkgroup'>,
  measured: Measured = new Map(),
  asked: ReadonlyMap<Key, number> = new Map(),
): Choose {
  return (weight, tokens) => {
    if (weight.columns % 32 !== 0) return ANY;
    if (info.class === 'cpu') return blockKernel(blockOf(info.kind, weight.type, tokens, measured, asked), tokens);
    return tokens <= 4 || limits.maxComputeInvocationsPerWorkgroup < TILE ? GPU_FEW : GPU_MANY;
  };
}

import type { AdapterInfo } from '../adapter/index.js';
import type { WeightType } from '../weight-types.js';
import { type Asked, blockOf, type Measured } from './blocks.js';
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
 * @param measured blocks, which may become more meanwhile @param asked how much work there is, at the time of each product; not given, a lot
 * @example createMulMat(device, info, choosing(info, device.limits, measured))
 */
export function choosing(
  info: Pick<AdapterInfo, 'class' | 'kind'>,
  limits: Pick<GPUSupportedLimits, 'maxComputeInvocationsPerWorkgroup'>,
  measured: Measured = new Map(),
  asked: () => Asked | undefined = () => undefined,
): Choose {
  return (weight, tokens) => {
    if (weight.columns % 32 !== 0) return ANY;
    if (info.class === 'cpu') return blockKernel(blockOf(info.kind, weight, tokens, measured, asked()), tokens);
    return tokens <= 4 || limits.maxComputeInvocationsPerWorkgroup < TILE ? GPU_FEW : GPU_MANY;
  };
}

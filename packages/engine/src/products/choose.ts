import type { WeightType } from '../weight-types.js';
import { type Adapter, blockOf, type Key, type Measured } from './blocks.js';
import { ANY, blockKernel, type Kernel } from './kernel.js';

/** The kernel of a product of so many tokens. */
export type Choose = (
  weight: { readonly type: WeightType; readonly rows: number; readonly columns: number },
  tokens: number,
) => Kernel;

/**
 * Chooses kernels for an adapter.
 *
 * @param measured blocks, which may become more meanwhile @param asked how many multiplications, as they become more; of what it does not name, many
 * @example createMulMat(device, info, choosing(info, measured))
 */
export function choosing(
  adapter: Adapter,
  measured: Measured = new Map(),
  asked: ReadonlyMap<Key, number> = new Map(),
): Choose {
  return ({ type, columns }, tokens) =>
    columns % 32 === 0 ? blockKernel(blockOf(adapter, type, tokens, measured, asked), tokens) : ANY;
}

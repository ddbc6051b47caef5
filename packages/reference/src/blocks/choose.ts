import { ModelError } from '../errors.js';
import { bytesText } from '../model/cache-room.js';
import { exactModelBytes } from '../model/quantize.js';
import type { ModelInfo } from '../process/protocol.js';
import type { Blockwise } from './blockwise.js';

/**
 * How the weights that were dequantised to F32 are evaluated: the `whole` model, which is a file in the cache, or `block` by block, in the memory of
 * one of them and without a file.
 */
export type ExactBy = 'whole' | 'block';

/** F32 weights up to here are evaluated as a whole. */
const WHOLE = 1e9;

/**
 * Whether the exact weights are evaluated as a whole or block by block, and why.
 *
 * @throws ModelError `exact-by-block` where `block` was asked for, and is not known to be right for this model
 */
export function chooseExactBy(
  info: Pick<ModelInfo, 'file' | 'parameters'>,
  { asked, allF32, blockwise }: { asked?: ExactBy | undefined; allF32: boolean; blockwise: Blockwise },
): { by: ExactBy; why: string } {
  const copy = bytesText(exactModelBytes(info));
  const whole = (why: string) => ({ by: 'whole' as const, why: `exact: the whole model at once, ${why}` });
  if (asked === 'whole') return whole('as asked for');
  if ('why' in blockwise) {
    if (asked === 'block') {
      throw new ModelError(
        'exact-by-block',
        `${info.file}: cannot be evaluated block by block: ${blockwise.why}. Evaluate the whole model (--exact-by whole), which needs ${copy} as F32, or take the native reference.`,
      );
    }
    return whole(`${copy} as F32, since ${blockwise.why}`);
  }
  const block = {
    by: 'block' as const,
    why: `exact: block by block, ${bytesText(blockwise.bytes)} of ${copy} at a time`,
  };
  if (asked === 'block') return block;
  if (allF32) return whole('which is F32');
  return exactModelBytes(info) <= WHOLE ? whole(`${copy} as F32`) : block;
}

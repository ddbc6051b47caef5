import { ModelError } from '../errors.js';
import { bytesText } from '../model/cache-room.js';
import { exactModelBytes } from '../model/quantize.js';
import type { Blockwise } from './blockwise.js';

/**
 * How the weights that were dequantised to F32 are evaluated: the `whole` model, which is a file in the cache, or `block` by block, in the memory of
 * one of them and without a file.
 */
export type ExactBy = 'whole' | 'block';

/** How the exact weights are evaluated, why, and in how much memory. */
export interface ExactWay {
  readonly by: ExactBy;
  readonly why: string;
  readonly bytes: number;
  /** Worth telling in a report: a small model is evaluated as a whole, and nobody asks why. */
  readonly isNotable: boolean;
}

/** F32 weights up to here are evaluated as a whole. */
const WHOLE = 1e9;

/**
 * Whether the exact weights are evaluated as a whole or block by block.
 *
 * @param model its file's name, how many weights it has, whether all are F32, and whether it can be evaluated block by block
 * @throws ModelError `exact-by-block` where `block` was asked for, and is not known to be right for this model
 */
export function chooseExactBy(
  model: {
    readonly file: string;
    readonly parameters: number;
    readonly allF32: boolean;
    readonly blockwise: Blockwise;
  },
  asked?: ExactBy,
): ExactWay {
  const { blockwise } = model;
  const all = exactModelBytes(model);
  const whole = (why = ''): ExactWay => ({
    by: 'whole',
    why: `the whole model at once, ${bytesText(all)}${why}`,
    bytes: all,
    isNotable: all > WHOLE && why !== '',
  });
  if ('bytes' in blockwise) {
    const isCheap = model.allF32 || all <= WHOLE;
    if (asked === 'whole' || (asked === undefined && isCheap)) return whole();
    const bytes = Math.min(blockwise.bytes, all);
    const why = `block by block, ${bytesText(bytes)} of ${bytesText(all)} at a time`;
    return { by: 'block', why, bytes, isNotable: true };
  }
  if (asked !== 'block') return whole(asked === undefined ? `: ${blockwise.why}` : '');
  throw new ModelError(
    'exact-by-block',
    `${model.file}: cannot be evaluated block by block: ${blockwise.why}. Evaluate the whole model (--exact-by whole), which needs ${bytesText(all)} as F32, or take the native reference.`,
  );
}

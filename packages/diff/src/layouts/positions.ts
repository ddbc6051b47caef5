import type { Tensor } from '@llama-probe/dump';
import type { Layout } from './layout.js';

/**
 * Whether the candidate counts positions from 1: the first rows of both runs are of the same number of tokens, one further on. The reference is
 * looked at only if the candidate's begin at 1.
 */
export async function positionsFromOne(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
): Promise<Layout | undefined> {
  const own = await positionsOfPrompt(candidate);
  if (own?.[0] !== 1) return undefined;
  const wanted = await positionsOfPrompt(reference);
  if (own.length !== wanted?.length || own.some((position, row) => position !== (wanted[row] as number) + 1))
    return undefined;
  return {
    text: 'positions are counted from 1: counted from 0',
    undo: (tensor) => ({ ...tensor, positions: tensor.positions.map((position) => position - 1) }),
  };
}

/** Of the first rows. */
async function positionsOfPrompt(tensors: AsyncIterable<Tensor>): Promise<Int32Array | undefined> {
  for await (const { step, positions } of tensors) if (step === 0) return positions;
  return undefined;
}

import type { Tensor } from '@llama-probe/dump';
import type { Layout } from './layout.js';

/** Whether the candidate counts positions from 1: the first rows of both runs are of the same number of tokens, one further on. */
export async function positionsFromOne(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
): Promise<Layout | undefined> {
  const [own, wanted] = [await firstPositions(candidate), await firstPositions(reference)];
  const isShifted =
    own?.length === wanted?.length && own?.every((position, row) => position === (wanted?.[row] ?? 0) + 1);
  if (!isShifted || wanted?.[0] !== 0) return undefined;
  return {
    text: 'positions are counted from 1: counted from 0',
    undo: (tensor) => ({ ...tensor, positions: tensor.positions.map((position) => position - 1) }),
  };
}

async function firstPositions(tensors: AsyncIterable<Tensor>): Promise<Int32Array | undefined> {
  for await (const { step, positions } of tensors) if (step === 0) return positions;
  return undefined;
}

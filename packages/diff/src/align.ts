import { stageKey, type Tensor } from '@llama-probe/dump';

/** What one side has of a stage. The other is undefined where it has nothing that fits. */
export interface Pair {
  readonly candidate: Tensor | undefined;
  readonly reference: Tensor | undefined;
}

const pieceKey = (tensor: Tensor): string => `${stageKey(tensor)}/${tensor.tokens[0] ?? '-'}+${tensor.tokens.length}`;

/**
 * Pairs the tensors of two runs by step, layer, stage and token positions, as they stream in.
 *
 * Both sides are read in step, so nothing is kept where they have the same order; where they do not, what has no partner
 * yet waits. Tensors without a partner come last.
 */
export async function* align(candidate: AsyncIterable<Tensor>, reference: AsyncIterable<Tensor>): AsyncGenerator<Pair> {
  const sides = [candidate[Symbol.asyncIterator](), reference[Symbol.asyncIterator]()] as const;
  const waiting = [new Map<string, Tensor>(), new Map<string, Tensor>()] as const;
  const ended = [false, false];
  const pair = (side: number, own: Tensor, other: Tensor | undefined): Pair =>
    side === 0 ? { candidate: own, reference: other } : { candidate: other, reference: own };
  try {
    while (!ended[0] || !ended[1]) {
      // Read from the side that is behind: the one with fewer tensors waiting.
      const side = ended[0] || (!ended[1] && waiting[1].size <= waiting[0].size) ? 1 : 0;
      const next = await (sides[side] as AsyncIterator<Tensor>).next();
      if (next.done) {
        ended[side] = true;
        continue;
      }
      const key = pieceKey(next.value);
      const partner = waiting[1 - side]?.get(key);
      if (partner) {
        waiting[1 - side]?.delete(key);
        yield pair(side, next.value, partner);
      } else if (waiting[side]?.has(key)) {
        yield pair(side, next.value, undefined); // the same tensor twice
      } else {
        waiting[side]?.set(key, next.value);
      }
    }
    for (const tensor of waiting[1].values()) yield { candidate: undefined, reference: tensor };
    for (const tensor of waiting[0].values()) yield { candidate: tensor, reference: undefined };
  } finally {
    await Promise.allSettled(sides.map((side) => side.return?.()));
  }
}

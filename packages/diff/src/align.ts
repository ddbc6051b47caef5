import type { Tensor } from '@llama-probe/dump';
import { stageKey } from '@llama-probe/dump/stage';

/** What one side has of a stage. The other is undefined where it has nothing that fits. */
export interface Pair {
  readonly candidate: Tensor | undefined;
  readonly reference: Tensor | undefined;
}

/** Which rows of which stage: positions that follow each other by the first and their number, others one by one. */
function pieceKey(tensor: Tensor): string {
  const { positions } = tensor;
  const first = positions[0] ?? 0;
  const consecutive = positions.every((token, row) => token === first + row);
  return `${stageKey(tensor)}/${consecutive ? `${first}+${positions.length}` : positions.join()}`;
}

/**
 * Pairs the tensors of two runs by step, layer, stage and token positions, as they stream in.
 *
 * Both sides are read in step, so nothing is kept where they have the same order; where they do not, what has no partner
 * yet waits. Tensors that are cut into other rows on the other side are paired row by row at the end, and what has no
 * partner at all comes last.
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
    yield* alignRows([...waiting[0].values()], [...waiting[1].values()]);
  } finally {
    await Promise.allSettled(sides.map((side) => side.return?.()));
  }
}

/** Pairs what the two sides have cut differently, such as a prompt evaluated at once and token by token. */
function* alignRows(candidate: readonly Tensor[], reference: readonly Tensor[]): Generator<Pair> {
  const rows = new Map<string, Tensor>();
  for (const tensor of candidate) {
    for (const row of rowsOf(tensor)) {
      const key = pieceKey(row);
      if (rows.has(key))
        yield { candidate: row, reference: undefined }; // the same row twice
      else rows.set(key, row);
    }
  }
  for (const tensor of reference) {
    for (const row of rowsOf(tensor)) {
      const key = pieceKey(row);
      yield { candidate: rows.get(key), reference: row };
      rows.delete(key);
    }
  }
  for (const row of rows.values()) yield { candidate: row, reference: undefined };
}

function* rowsOf(tensor: Tensor): Generator<Tensor> {
  const { positions, width, values } = tensor;
  for (let row = 0; row < positions.length; row++) {
    yield {
      ...tensor,
      positions: positions.subarray(row, row + 1),
      values: values.subarray(row * width, (row + 1) * width),
    };
  }
}

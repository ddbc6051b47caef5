import { GivenRows, type Tensor } from '@llama-probe/dump';
import type { WentOn } from '../diagnosis/collect.js';

/** What llama.cpp went on from at each of its stages: the candidate's rows where there are any, else its own. */
export async function* ownOrRight(
  own: AsyncIterable<Tensor>,
  right: AsyncIterable<Tensor>,
  promptLength: number,
): AsyncGenerator<WentOn> {
  const candidate = own[Symbol.asyncIterator]();
  const given = new GivenRows();
  let pass = -1;
  try {
    for await (const tensor of right) {
      const { positions } = tensor;
      const first = positions[0] ?? promptLength;
      if (first !== pass) given.begin(first, positions.length);
      pass = first;
      while (!given.has(tensor) && !given.isPast(tensor)) given.put((await candidate.next()).value);
      const rows = given.take(tensor, tensor.width);
      yield { from: rows ? withLastRows(tensor, rows) : tensor, right: tensor };
    }
  } finally {
    await candidate.return?.();
  }
}

/** Where the candidate has the last rows only, those before them are llama.cpp's. */
function withLastRows(tensor: Tensor, rows: Tensor): Tensor {
  if (rows.positions.length === tensor.positions.length) return rows;
  const values = tensor.values.slice();
  values.set(rows.values, values.length - rows.values.length);
  return { ...tensor, values };
}

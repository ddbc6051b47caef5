import { DumpError } from '@llama-probe/dump';
import { type ForeignArray, showShape, sizeOf } from './array.js';
import { isFloat, toNumbers } from './dtype.js';

const MOST = 1 << 24; // ids; more than any model's context

/** The token ids of a run by the first of these arrays that has whole numbers; undefined where none has. */
export async function readTokens(arrays: readonly ForeignArray[], path: string): Promise<number[] | undefined> {
  for (const array of arrays) {
    const { name, shape, dtype } = array;
    if (isFloat(dtype) || sizeOf(shape) === 0 || sizeOf(shape) > MOST) continue;
    const isOneRun = shape.slice(0, -1).every((length) => length === 1);
    if (!isOneRun) {
      const what = `${name} has the token ids of ${shape[0]} sequences, ${showShape(shape)}`;
      throw new DumpError('dump-shape', `${path}: ${what}; wanted one. Dump a batch of one sequence.`);
    }
    return toNumbers(await array.read(), dtype);
  }
  return undefined;
}

import { SIZES } from './places.js';

/** Whether an error of a size is found. */
type Finds = (size: number) => Promise<boolean>;

/** The smallest size from which on every size is found; Infinity where 1 is not. */
export async function smallestOfEvery(finds: Finds): Promise<number> {
  let smallest = Number.POSITIVE_INFINITY;
  for (const size of SIZES.toReversed()) {
    if (!(await finds(size))) break;
    smallest = size;
  }
  return smallest;
}

/** The same where larger errors are not harder to find, from a guess on: neighbouring places have neighbouring sizes. */
export async function smallestNear(guess: number, finds: Finds): Promise<number> {
  const sizeAt = (at: number) => SIZES[at] as number;
  let at = Math.max(0, SIZES.indexOf(guess));
  if (await finds(sizeAt(at))) {
    while (at > 0 && (await finds(sizeAt(at - 1)))) at--;
    return sizeAt(at);
  }
  while (++at < SIZES.length) if (await finds(sizeAt(at))) return sizeAt(at);
  return Number.POSITIVE_INFINITY;
}

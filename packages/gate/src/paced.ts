const SHARE = 10;

/**
 * Something that is written whole after each step of a long run, and grows with it: as often as takes a tenth of the time. While writing is cheap beside a step that is after each one; what a
 * run that is cut off has lost is at most ten times what writing takes.
 *
 * @param now the clock, in milliseconds
 * @returns what is called after each step
 */
export function paced(write: () => void, now = () => performance.now()): () => void {
  let next = Number.NEGATIVE_INFINITY;
  return () => {
    const begin = now();
    if (begin < next) return;
    write();
    const end = now();
    next = end + (SHARE - 1) * (end - begin);
  };
}

/**
 * One stream read twice, such as a run's tensors that are compared and that another run goes on from. Whoever is first pulls; what the
 * other has not taken yet waits for it, so memory grows with how far the two are apart: a reader that never reads makes it grow for ever.
 *
 * The source ends for both, also with its error. It is left when both have left it.
 *
 * @example
 * const [compared, from] = tee(engine.run(plan).tensors);
 * compare(compared, reference.run({ ...plan, from }).tensors, …)
 */
export function tee<T>(source: AsyncIterable<T>): [AsyncIterable<T>, AsyncIterable<T>] {
  const iterator = source[Symbol.asyncIterator]();
  const readers = new Set<T[]>();
  let pulling: Promise<boolean> | undefined;

  /** Takes one from the source, for whoever still reads. @returns whether there was one */
  const pull = (): Promise<boolean> => {
    pulling ??= iterator.next().then(({ value, done }) => {
      if (done) return false; // `pulling` stays: the end is the end for the other one too
      pulling = undefined;
      for (const waiting of readers) waiting.push(value);
      return true;
    });
    return pulling;
  };

  const branch = (): AsyncIterable<T> => {
    const waiting: T[] = [];
    readers.add(waiting); // from the start, not from its first read
    const leave = async (): Promise<void> => {
      if (readers.delete(waiting) && readers.size === 0) await iterator.return?.();
    };
    const next = async (): Promise<IteratorResult<T>> => {
      while (waiting.length === 0) {
        if (!readers.has(waiting) || !(await pull())) return { done: true, value: undefined };
      }
      return { done: false, value: waiting.shift() as T };
    };
    const one: AsyncIterator<T> = {
      next,
      async return() {
        await leave();
        waiting.length = 0;
        return { done: true, value: undefined };
      },
    };
    return { [Symbol.asyncIterator]: () => one };
  };
  return [branch(), branch()];
}

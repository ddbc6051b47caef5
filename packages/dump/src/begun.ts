/**
 * A stream whose first item is asked for now, and not when somebody reads: what makes it computes while something else is waited for.
 *
 * @example const ours = begun(engine.run(plan).tensors); // the GPU has work while llama.cpp is opened
 */
export function begun<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => {}); // whoever reads hears of it
  let isFirst = true;
  const one: AsyncIterator<T> = {
    next() {
      if (!isFirst) return iterator.next();
      isFirst = false;
      return first;
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => one };
}

/**
 * A stream that is read from now on, and not when somebody asks for its next item: what makes it goes on while something else is waited for, until
 * more waits than there is room for.
 *
 * @param sizeOf of an item, in the unit of `room`: one item more than fits may wait
 * @example const ours = ahead(engine.run(plan).tensors, 32e6, ({ values }) => values.byteLength); // computes while llama.cpp is opened
 */
export function ahead<T>(source: AsyncIterable<T>, room: number, sizeOf: (item: T) => number): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  const waiting: T[] = [];
  let size = 0; // of what waits
  let reading: Promise<void> | undefined;
  let end: { readonly error?: unknown } | undefined;

  const read = (): void => {
    if (reading || end || size > room) return;
    reading = iterator.next().then(
      ({ value, done }) => {
        reading = undefined;
        if (done) end ??= {};
        if (end) return;
        waiting.push(value);
        size += sizeOf(value);
        read();
      },
      (error: unknown) => {
        reading = undefined;
        end ??= { error };
      },
    );
  };
  read();

  const one: AsyncIterator<T> = {
    async next() {
      while (waiting.length === 0 && !end) {
        read();
        await reading;
      }
      if (waiting.length === 0) {
        if (end && 'error' in end) throw end.error;
        return { done: true, value: undefined };
      }
      const value = waiting.shift() as T;
      size -= sizeOf(value);
      read();
      return { done: false, value };
    },
    async return() {
      end ??= {};
      waiting.length = 0;
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => one };
}

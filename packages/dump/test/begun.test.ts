import { expect, test } from 'vitest';
import { begun } from '../src/begun.js';

/** What happens to a stream of two items, of which the second may fail. */
function source(events: string[], isBroken = false) {
  return (async function* () {
    try {
      events.push('begun');
      if (isBroken) throw new Error('broken');
      yield 1;
      events.push('went on');
      yield 2;
    } finally {
      events.push('left');
    }
  })();
}

test('a stream that is begun computes its first item, and no other, before anybody reads', async () => {
  const events: string[] = [];
  const stream = begun(source(events));
  await new Promise(setImmediate);
  expect(events).toEqual(['begun']);
  const items: number[] = [];
  for await (const item of stream) items.push(item);
  expect(items).toEqual([1, 2]);
  expect(events).toEqual(['begun', 'went on', 'left']);
});

test('one that fails at once says so to who reads it, and to nobody before', async () => {
  const stream = begun(source([], true));
  await new Promise(setImmediate); // an error that nobody has taken would end the process
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow('broken');
});

test('one that is left unread is left by its source', async () => {
  const events: string[] = [];
  await begun(source(events))[Symbol.asyncIterator]().return?.();
  expect(events).toEqual(['begun', 'left']);
});

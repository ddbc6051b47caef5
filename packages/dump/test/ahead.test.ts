import { describe, expect, test } from 'vitest';
import { ahead } from '../src/ahead.js';

/** 1, 2, … up to `count`, with a note of each that was made and of the end. */
function source(count: number, events: Array<number | string>, failAt = Number.POSITIVE_INFINITY) {
  return (async function* () {
    try {
      for (let i = 1; i <= count; i++) {
        if (i === failAt) throw new Error('broken');
        events.push(i);
        yield i;
      }
    } finally {
      events.push('left');
    }
  })();
}

const soon = () => new Promise(setImmediate);
const itself = (size: number) => size;

describe('a stream that is read ahead', () => {
  test('is made before anybody reads, until more waits than there is room for, and on as it is read', async () => {
    const events: Array<number | string> = [];
    const items = ahead(source(6, events), 5, itself)[Symbol.asyncIterator]();
    await soon();
    expect(events).toEqual([1, 2, 3]); // 6 wait
    expect(await items.next()).toEqual({ done: false, value: 1 });
    await soon();
    expect(events).toEqual([1, 2, 3, 4]); // 5 waited
    const rest: unknown[] = [];
    for (;;) {
      const { value, done } = await items.next();
      if (done) break;
      rest.push(value);
    }
    expect(rest).toEqual([2, 3, 4, 5, 6]);
    expect(events).toEqual([1, 2, 3, 4, 5, 6, 'left']);
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('without room has one item that waits', async () => {
    const events: Array<number | string> = [];
    ahead(source(6, events), 0, itself);
    await soon();
    expect(events).toEqual([1]);
  });

  test('that fails says so behind what was made before, and to nobody who does not ask', async () => {
    const items = ahead(source(6, [], 3), 100, itself)[Symbol.asyncIterator]();
    await soon(); // an error that nobody has taken would end the process
    expect(await items.next()).toEqual({ done: false, value: 1 });
    expect(await items.next()).toEqual({ done: false, value: 2 });
    await expect(items.next()).rejects.toThrow('broken');
  });

  test('that is left is left by its source, and read no further', async () => {
    const events: Array<number | string> = [];
    const items = ahead(source(6, events), 2, itself)[Symbol.asyncIterator]();
    await soon();
    await items.return?.();
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(events).toEqual([1, 2, 'left']);
  });
});

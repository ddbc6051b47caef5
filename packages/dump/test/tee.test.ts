import { describe, expect, test } from 'vitest';
import { tee } from '../src/tee.js';

/** 0, 1, … up to `count`, with a note of each that was pulled and of the end. */
function source(count: number, events: Array<number | string>, failAt = Number.POSITIVE_INFINITY) {
  return (async function* () {
    try {
      for (let i = 0; i < count; i++) {
        if (i === failAt) throw new Error('broken');
        events.push(i);
        yield i;
      }
    } finally {
      events.push('left');
    }
  })();
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('a stream read twice', () => {
  test('gives everything to both, in order, whoever is first', async () => {
    const events: Array<number | string> = [];
    const [a, b] = tee(source(4, events)).map((stream) => stream[Symbol.asyncIterator]());
    expect(await a?.next()).toEqual({ done: false, value: 0 });
    expect(await a?.next()).toEqual({ done: false, value: 1 });
    expect(events).toEqual([0, 1]); // no further than asked for
    const together = await Promise.all([b?.next(), b?.next(), b?.next(), a?.next()]);
    expect(together.map((one) => one?.value)).toEqual([0, 1, 2, 2]);
    expect(events).toEqual([0, 1, 2]);
    expect((await b?.next())?.value).toBe(3);
    expect((await b?.next())?.done).toBe(true);
    expect((await a?.next())?.value).toBe(3);
    expect((await a?.next())?.done).toBe(true);
    expect((await a?.next())?.done).toBe(true);
  });

  test('and one after the other is whole too', async () => {
    const [a, b] = tee(source(3, []));
    expect(await all(a)).toEqual([0, 1, 2]);
    expect(await all(b)).toEqual([0, 1, 2]);
  });

  test('fails for both, after what came before', async () => {
    const [a, b] = tee(source(4, [], 2));
    await expect(all(a)).rejects.toThrow('broken');
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of b) seen.push(item);
    })();
    await expect(reading).rejects.toThrow('broken');
    expect(seen).toEqual([0, 1]);
  });

  test('is left when both have left, and not before; who stays gets the rest', async () => {
    const events: Array<number | string> = [];
    const [a, b] = tee(source(4, events));
    for await (const _ of a) break;
    expect(events).toEqual([0]);
    for await (const item of b) if (item === 2) break;
    expect(events).toEqual([0, 1, 2, 'left']);
    expect(await all(a)).toEqual([]);
  });
});

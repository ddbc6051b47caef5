import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Clock, onClock, PARTS, type Part } from '../src/clock.js';
import type { Side } from '../src/side.js';

const partsOf = (clock: Clock): Part[] => Object.keys(clock.read().parts) as Part[];

/** The parts add up to the total, but for rounding. */
function expectConsistent({ parts, total }: ReturnType<Clock['read']>): void {
  const spent = Object.values(parts);
  expect(spent.every((one) => one > 0)).toBe(true);
  expect(spent.reduce((sum, one) => sum + one, 0)).toBeCloseTo(total, 6);
}

describe('Clock', () => {
  it('gives every moment to one part: of several that go on, to the one that began last', async () => {
    const clock = new Clock();
    await clock.during('loading', async () => {
      await Promise.all([sleep(5), clock.during('upload', () => sleep(1))]);
      await clock.during('engine', () => clock.during('llama', () => sleep(1)));
    });
    clock.during('diff', () => 1);
    const read = clock.read();
    expectConsistent(read);
    expect(Object.keys(read.parts)).toEqual(PARTS.filter((part) => part in read.parts)); // in their order
    expect(partsOf(clock)).toEqual(expect.arrayContaining(['loading', 'upload', 'engine', 'llama', 'diff']));
    expect(partsOf(clock)).not.toContain('floors');
  });

  it('gives all of what is whole to its part, and ends a part that fails', async () => {
    const clock = new Clock();
    await clock.during('diagnosis', () => clock.during('engine', () => sleep(1)), true);
    expect(partsOf(clock)).not.toContain('engine');
    await expect(clock.during('floors', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(() =>
      clock.during('writing', () => {
        throw new Error('full');
      }),
    ).toThrow('full');
    const { parts } = clock.read();
    await sleep(1);
    const { floors, writing } = clock.read().parts;
    expect([floors, writing]).toEqual([parts.floors, parts.writing]); // they are over
  });

  it('says what went by since an earlier reading', async () => {
    const clock = new Clock();
    await clock.during('loading', () => sleep(1));
    const before = clock.read();
    await clock.during('diff', () => sleep(1));
    const since = clock.read(before);
    expectConsistent(since);
    expect(since.parts.loading).toBeUndefined();
    expect(since.total).toBeLessThan(clock.read().total);
  });

  it('counts waiting for a tensor, and not what is done with it', async () => {
    const clock = new Clock();
    let left = false;
    async function* items() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        left = true;
      }
    }
    const side = { run: () => ({ tensors: items(), result: Promise.resolve({ generated: [] }) }) };
    const parts: Part[][] = [];
    for await (const item of onClock(side as unknown as Side, 'engine', clock).run({ tokens: [] }).tensors) {
      clock.during('writing', () => parts.push(partsOf(clock)));
      if ((item as unknown) === 1) break;
    }
    expect(parts.at(-1)).toEqual(expect.arrayContaining(['engine', 'writing']));
    expect(left).toBe(true);
    expectConsistent(clock.read());
  });
});

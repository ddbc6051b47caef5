import { stat } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { patiently } from '../src/patient.js';

/** As Dawn does: in each turn of the event loop it looks whether something is over, so that no turn waits. */
async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOpen = true;
  const look = () => {
    turns++;
    if (isOpen) setImmediate(look);
  };
  setImmediate(look);
  await promise;
  isOpen = false;
  return turns;
}

const after = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

describe('what is waited for patiently', () => {
  test('becomes what it becomes', async () => {
    await expect(patiently(Promise.resolve(7))).resolves.toBe(7);
    await expect(patiently(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  });

  test('leaves the core to others: turns sleep, or there were ten thousand a second and more', async () => {
    const turns = await turnsUntil(patiently(after(1000)));
    expect(turns).toBeLessThan(5000);
  });

  test('does not slow down what the process reads meanwhile', async () => {
    let isOver = false;
    const wait = patiently(after(100).then(() => readAll()));
    const naps = vi.spyOn(Atomics, 'wait');
    async function readAll() {
      expect(lengths()).not.toEqual([]); // by now, of up to a millisecond
      naps.mockClear();
      for (let i = 0; i < 300; i++) await stat(import.meta.filename);
      isOver = true;
    }
    await wait;
    const times = lengths().sort((a, b) => a - b);
    naps.mockRestore();
    expect(isOver).toBe(true);
    expect(times[Math.floor(times.length / 2)] ?? 0).toBeLessThan(0.5);

    function lengths() {
      return naps.mock.calls.map((args) => args[3] as number);
    }
  });
});

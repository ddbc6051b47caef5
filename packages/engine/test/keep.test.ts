import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openAdapter } from '../src/adapter/index.js';
import { keepDevices } from '../src/adapter/keep.js';
import { openEngine } from '../src/engine.js';
import { collect, expectSame } from './runs.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-devices-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Whether a device is destroyed; what is lost is told in a later turn. */
const isGone = (device: GPUDevice) =>
  Promise.race([device.lost.then(() => true), new Promise((resolve) => setTimeout(resolve, 100, false))]);

describe('a device', () => {
  test('is destroyed with its engine, unless devices are kept', async () => {
    const first = await openAdapter();
    first.leave();
    expect(await isGone(first.device)).toBe(true);
  });

  test('that is kept is the next one, of the same adapter and environment, and gone when nobody keeps it', async () => {
    const stop = keepDevices();
    const first = await openAdapter();
    first.leave();
    process.env.GALLIUM_OF_THIS_TEST = '1';
    const other = await openAdapter();
    delete process.env.GALLIUM_OF_THIS_TEST;
    expect(other.device).not.toBe(first.device);
    other.close();
    const second = await openAdapter();
    expect(second.device).toBe(first.device);
    first.close(); // whoever left it has it no more
    expect(await isGone(second.device)).toBe(false);
    const third = await openAdapter();
    expect(third.device).not.toBe(second.device);
    third.leave();
    second.leave(); // one is kept
    expect(await isGone(third.device)).toBe(true);
    stop();
    expect(await isGone(second.device)).toBe(true);
  });

  test('that has reported an error is not kept', async () => {
    const stop = keepDevices();
    const first = await openAdapter();
    first.device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await first.device.queue.onSubmittedWorkDone();
    expect(() => first.check()).toThrow('reports');
    first.leave();
    expect(await isGone(first.device)).toBe(true);
    stop();
  });
});

test('engines that have a device by turns compute what they do on their own', async () => {
  const sizes = { embd: 18, heads: 3, kvHeads: 1, headDim: 6, ff: 20, vocab: 37, context: 16 };
  const models = [1, 2].map((layers) => {
    const file = join(directory, `${layers}.gguf`);
    writeFileSync(file, writeGguf(tinyLlama({ ...sizes, layers }, randomFrom(layers))).bytes);
    return file;
  });
  const valuesOf = async (model: string) => {
    const engine = await openEngine({ model });
    const values = await collect(engine, { tokens: [1, 5, 6], steps: 1 });
    engine.close();
    return values;
  };
  const alone: Awaited<ReturnType<typeof valuesOf>>[] = [];
  for (const model of models) alone.push(await valuesOf(model));
  const stop = keepDevices();
  for (const i of [0, 1, 0]) {
    const [model = '', wanted] = [models[i], alone[i]];
    expectSame(await valuesOf(model), wanted as (typeof alone)[number]);
  }
  stop();
});

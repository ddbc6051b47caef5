import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GgufParts, randomFrom, tinyArchitecture, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { type Engine, openEngine, type RunOptions } from '../src/engine.js';
import type { Hook, StageAt } from '../src/hook.js';
import { collect, everything, expectSame, type Run } from './runs.js';
import './support/kept.js';

let memory = Number.POSITIVE_INFINITY;
vi.mock('node:os', async (original) => ({ ...(await original<object>()), freemem: () => memory }));
afterEach(() => {
  memory = Number.POSITIVE_INFINITY;
});

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-streamed-'));
const engines: Engine[] = [];
afterAll(() => {
  for (const engine of engines) engine.close();
  rmSync(folder, { recursive: true });
});

const sizes = { layers: 3, embd: 18, heads: 3, kvHeads: 1, headDim: 6, ff: 20, vocab: 37, context: 16 };
const MODELS: Record<string, () => GgufParts> = {
  llama: () => tinyLlama(sizes, randomFrom(1)),
  'a tied head, biases, rope_freqs': () =>
    tinyLlama({ ...sizes, tied: true, biases: true, ropeFreqs: true }, randomFrom(2)),
  gemma2: () => tinyArchitecture('gemma2', randomFrom(3)),
  qwen3moe: () => tinyArchitecture('qwen3moe', randomFrom(4)),
};

let files = 0;
async function open(parts: GgufParts, stream?: boolean): Promise<Engine> {
  const path = join(folder, `${++files}.gguf`);
  writeFileSync(path, writeGguf(parts).bytes);
  const engine = await openEngine({ model: path, stream });
  engines.push(engine);
  return engine;
}

/** Passes of 3 and 2 tokens, and three steps after them. */
const RUN: RunOptions = { tokens: [1, 36, 0, 17, 17], ubatch: 3, steps: 3 };

describe.each(Object.keys(MODELS))('streamed weights of %s', (name) => {
  test('give the same rows, bit for bit, in the memory of a layer with the embedding, or of the head', async () => {
    const parts = (MODELS[name] as () => GgufParts)();
    const whole = await open(parts, false);
    const plain = await collect(whole, RUN);
    const shaken = (at: StageAt, by: number) => plain.tensors[at.order]?.values.map((value) => value * by);
    const hooks: Hook[] = [
      { ...everything, overwrite: (at) => (at.layer === 1 ? shaken(at, 1.5) : undefined) },
      // known only when the rows before it are read back: the pass waits within a layer
      {
        ...everything,
        inject: (at) => (at.stage === 'kqv_out' ? async () => shaken(at, 0.5) as Float32Array : undefined),
      },
      { record: ({ stage }) => stage === 'l_out' },
    ];
    const runs: RunOptions[] = [RUN, ...hooks.map((hook) => ({ ...RUN, hook })), RUN];
    const wanted: Run[] = [];
    for (const run of runs) wanted.push(await collect(whole, run));
    whole.close(); // to the other one it leaves its device, with the kernels

    const streamed = await open(parts, true);
    expect([whole.isStreamed, streamed.isStreamed]).toEqual([false, true]);
    for (const [i, run] of runs.entries()) expectSame(await collect(streamed, run), wanted[i] as Run);
    expect(streamed.memory.weights).toBeLessThan(0.75 * whole.memory.weights);
    streamed.close();
  });
});

describe('without being asked', () => {
  test('weights are streamed where what computes on the CPU has not the memory for all of them', async () => {
    const parts = tinyLlama(sizes, randomFrom(1));
    const whole = await open(parts);
    if (whole.adapter.kind === 'gpu') return; // it says itself what it cannot hold
    expect(whole.isStreamed).toBe(false);
    memory = whole.memory.weights - 1;
    expect((await open(parts)).isStreamed).toBe(true);
    expect((await open(parts, false)).isStreamed).toBe(false);
    memory = whole.memory.weights + 1;
    expect((await open(parts)).isStreamed).toBe(false);
  });
});

test('a run that is left in the middle of a pass does not disturb the next one', async () => {
  const streamed = await open(tinyLlama(sizes, randomFrom(1)), true);
  const whole = await collect(streamed, RUN);
  let seen = 0;
  for await (const _ of streamed.run({ ...RUN, hook: everything }).tensors) if (++seen > 30) break;
  expectSame(await collect(streamed, RUN), whole);
});

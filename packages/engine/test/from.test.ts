import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageKey, type Tensor } from '@llama-probe/dump';
import { randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openEngine, type RunOptions } from '../src/engine.js';
import type { Hook } from '../src/hook.js';
import { bytesOf, collect, everything, expectSame } from './runs.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-from-'));
const path = join(folder, 'tiny.gguf');
const sizes = { layers: 3, embd: 18, heads: 4, kvHeads: 2, headDim: 6, ff: 20, vocab: 37, context: 16 };
writeFileSync(path, writeGguf(tinyLlama(sizes, randomFrom(1))).bytes);
const engine = await openEngine({ model: path });
afterAll(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});

// Five tokens in passes of 3 and 2, and three steps after them.
const ids = [1, 36, 0, 17, 17, 9, 30, 4];
const cut: RunOptions = { tokens: ids.slice(0, 5), ubatch: 3, steps: 3, forcedTokens: ids.slice(5) };
const healthy = await collect(engine, cut);

const key = (at: Pick<Tensor, 'step' | 'layer' | 'stage' | 'positions'>) => `${stageKey(at)}/${at.positions[0]}`;

async function* stream(tensors: readonly Tensor[], read: string[] = [], ended: string[] = []) {
  try {
    for (const tensor of tensors) {
      read.push(key(tensor));
      yield tensor;
    }
  } finally {
    ended.push('left');
  }
}

/** A run that goes on from these rows and records what they have. */
async function from(tensors: readonly Tensor[] | AsyncIterable<Tensor>, hook?: Hook, options = cut) {
  const rows = Symbol.asyncIterator in tensors ? tensors : stream(tensors);
  const run = engine.run({ ...options, from: rows, ...(hook && { hook }) });
  const own: Tensor[] = [];
  for await (const tensor of run.tensors) own.push(tensor);
  return { tensors: own, generated: (await run.result).generated };
}

/** Where two runs are not bit for bit the same. */
function differing(a: readonly Tensor[], b: readonly Tensor[]): string[] {
  expect(a.map(key)).toEqual(b.map(key));
  return a.filter((tensor, i) => Buffer.compare(bytesOf(tensor), bytesOf(b[i] as Tensor)) !== 0).map(key);
}

/** Makes a stage wrong by a part of itself, from what this very run has made of it, as a bug would. */
const wrongAt = (...keys: string[]): Hook => ({
  ...everything,
  inject: (at) => {
    if (!keys.includes(`${stageKey(at)}/${at.firstPosition}`)) return undefined;
    const right = healthy.tensors.find((tensor) => key(tensor) === `${stageKey(at)}/${at.firstPosition}`) as Tensor;
    return right.values.map((value, i) => (i % 3 === 0 ? value * 1.01 : value));
  },
});

describe('from given rows', () => {
  test('its own, a run is bit for bit the free run, in every pass and step', async () => {
    expectSame(await from(healthy.tensors), healthy);
  });

  test('of a wrong run, only the stage that was wrong there differs, whatever followed from it', async () => {
    const bug = ['0/1/k_rope/3', '1/2/ffn_norm/5'];
    const sick = await collect(engine, { ...cut, hook: wrongAt(...bug) });
    expect(differing(sick.tensors, healthy.tensors).length).toBeGreaterThan(50); // also later steps, through the cache
    const own = await from(sick.tensors);
    expect(differing(own.tensors, sick.tensors)).toEqual(bug);
  });

  test('of a right run, an engine that makes mistakes differs where it makes them, and nowhere else', async () => {
    const bugs = ['0/0/v_proj/0', '0/1/ffn_norm/0', '0/2/kqv_out/3', '2/1/k_rope/6', '3/-/result_output/7'];
    const own = await from(healthy.tensors, wrongAt(...bugs));
    expect(differing(own.tensors, healthy.tensors)).toEqual(bugs);
  });

  test('a stage without rows is left as it is, and what is between two given stages belongs to the second', async () => {
    const few = (tensor: Tensor) => ['embd', 'l_out', 'result_output'].includes(tensor.stage);
    const sick = await collect(engine, { ...cut, hook: wrongAt('0/1/k_rope/3') });
    const own = await from(sick.tensors.filter(few));
    expect(differing(own.tensors, sick.tensors.filter(few))).toEqual(
      // the keys that were wrong are in the cache, and nothing given takes their place there
      ['0/1/l_out/3', '1/1/l_out/5', '2/1/l_out/6', '3/1/l_out/7'],
    );
    const more = await from(sick.tensors.filter(few), { record: ({ stage }) => stage === 'ffn_inp' });
    expect(new Set(more.tensors.map(({ stage }) => stage))).toEqual(
      new Set(['embd', 'ffn_inp', 'l_out', 'result_output']),
    );
    expect((await from([])).tensors).toEqual([]);
    expectSame(await from([], everything), healthy);
  });

  test('the last rows of a pass are enough for these', async () => {
    const tail = healthy.tensors.map((tensor): Tensor => {
      if (tensor.stage !== 'result_norm') return tensor;
      return {
        ...tensor,
        positions: tensor.positions.slice(-1),
        values: tensor.values.slice(-tensor.width).map((v) => 2 * v),
      };
    });
    const own = await from(tail);
    for (const [i, tensor] of own.tensors.entries()) {
      const right = healthy.tensors[i] as Tensor;
      if (tensor.stage !== 'result_output') expect(tensor).toEqual(right);
      const rows = [...right.values];
      const doubled = rows.map((value, at) => (at < rows.length - tensor.width ? value : Math.fround(2 * value)));
      if (tensor.stage === 'result_output') expect([...tensor.values]).toEqual(doubled); // doubling is exact
    }
  });

  test('they are read as far as the layer that is computed, and no further', async () => {
    const read: string[] = [];
    const progress: number[] = [];
    const hook: Hook = {
      record: () => false,
      prepare: async () => {
        progress.push(read.length);
      },
    };
    await from(stream(healthy.tensors, read), hook);
    expect(progress.slice(0, 5)).toEqual([20, 39, 58, 61, 81]); // layers of 19 stages with embd, then the three last ones
  });

  test('and are left at the end, or with the run', async () => {
    const ended: string[] = [];
    await from(stream(healthy.tensors, [], ended));
    expect(ended).toEqual(['left']);
    for await (const _ of engine.run({ ...cut, from: stream(healthy.tensors, [], ended) }).tensors) break;
    expect(ended).toEqual(['left', 'left']);
  });

  test('that never come are not waited for when the run is aborted', async () => {
    async function* waits(): AsyncGenerator<Tensor> {
      yield healthy.tensors[0] as Tensor;
      await new Promise(() => {});
    }
    const controller = new AbortController();
    const run = from(waits(), undefined, { ...cut, signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    await expect(run).rejects.toThrow('enough');
  });

  test('what goes wrong in them ends the run with that error, and the engine goes on', async () => {
    const broken = new Error('the other engine is gone');
    async function* breaks() {
      yield* healthy.tensors.slice(0, 30);
      throw broken;
    }
    await expect(from(breaks())).rejects.toBe(broken);
    const narrow = healthy.tensors.map((tensor) =>
      key(tensor) === '0/1/q_rope/0' ? { ...tensor, width: 23, values: tensor.values.subarray(0, 3 * 23) } : tensor,
    );
    await expect(from(narrow)).rejects.toMatchObject({
      code: 'from-width',
      message: expect.stringMatching(/q_rope of layer 1: the given rows have 23 values each, .* own have 24/),
    });
    await expect(from(healthy.tensors, undefined, { ...cut, ubatch: 5 })).rejects.toMatchObject({
      code: 'from-positions',
      message: expect.stringMatching(/embd: the given rows are of the positions 0 to 2, and this run evaluates 0 to 4/),
    });
    expectSame(await collect(engine, cut), healthy);
  });
});

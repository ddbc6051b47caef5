import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { openEngine } from '../src/engine.js';
import type { AroundUpload } from '../src/streamed.js';
import { collect, everything, expectSame } from './runs.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-beside-'));
afterAll(() => rmSync(directory, { recursive: true }));

const sizes = { layers: 2, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 64, context: 16 };
function write(name: string): string {
  const path = join(directory, name);
  writeFileSync(path, writeGguf(tinyLlama(sizes, randomFrom(1))).bytes);
  return path;
}

/** An upload that waits until it is let go, and what is known of it. */
function held() {
  let letGo!: () => void;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const seen: string[] = [];
  const aroundUpload: AroundUpload = async (upload) => {
    await gate;
    seen.push('begun');
    try {
      const made = await upload();
      seen.push('uploaded');
      return made;
    } catch (error) {
      seen.push('stopped');
      throw error;
    }
  };
  return { letGo, seen, aroundUpload };
}

describe('an engine that is there before its weights', () => {
  test('answers what needs none, and its runs wait for them', async () => {
    const model = write('waits.gguf');
    const plain = await openEngine({ model });
    const { aroundUpload, letGo, seen } = held();
    const engine = await openEngine({ model, aroundUpload, beside: true });
    expect(seen).toEqual([]);
    expect(engine.ubatch(8)).toBe(plain.ubatch(8));
    expect(engine.graph.names).toEqual(plain.graph.names);
    expect(engine.memory.weights).toBe(0);
    const run = { tokens: [1, 2, 3], steps: 1, hook: everything };
    const running = collect(engine, run);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(seen).toEqual([]);
    letGo();
    expectSame(await running, await collect(plain, run));
    expect(engine.memory.weights).toBe(plain.memory.weights);
    for (const one of [plain, engine]) one.close();
  });

  test('says what is wrong with its weights to who runs it', async () => {
    const model = write('short.gguf');
    const { aroundUpload, letGo } = held();
    const engine = await openEngine({ model, aroundUpload, beside: true });
    truncateSync(model, 4000); // while it was waited for
    letGo();
    await expect(collect(engine, { tokens: [1] })).rejects.toThrow('became shorter');
    engine.close();
  });

  test('that is closed uploads no further', async () => {
    const { aroundUpload, letGo, seen } = held();
    const engine = await openEngine({ model: write('closed.gguf'), aroundUpload, beside: true });
    engine.close();
    letGo();
    await expect.poll(() => seen).toEqual(['begun', 'stopped']);
    await expect(collect(engine, { tokens: [1] })).rejects.toThrow('aborted');
  });
});

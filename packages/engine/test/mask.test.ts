import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@llama-probe/dump';
import { randomFrom, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { Engine, RunOptions } from '../src/engine.js';
import type { StageAt } from '../src/hook.js';
import { fillFuture, hideFuture } from '../src/mask.js';

const scores = (firstPosition: number, tokens: number, heads: number): StageAt => ({
  step: 0,
  order: 0,
  layer: 0,
  stage: 'kq',
  firstPosition,
  tokens,
  width: heads * (firstPosition + tokens),
});

describe('what a token must not see', () => {
  const at = scores(1, 2, 2); // positions 1 and 2, so n_kv is 3
  const hidden = Number.NaN;
  // biome-ignore format: (tokens, heads, n_kv)
  const rows = [
    -3, -2, hidden,   5, 4, hidden,
    1, 2, 3,          9, 8, 7,
  ];

  test('is the largest score that it sees, of its head', () => {
    // biome-ignore format: as above
    expect([...fillFuture(at, Float32Array.from(rows))]).toEqual([
      -3, -2, -2,   5, 4, 5,
      1, 2, 3,      9, 8, 7,
    ]);
  });

  test('is so whatever was there, and is NaN in a record', () => {
    const values = Float32Array.from(rows, (value) => (Number.isNaN(value) ? 1000 : value));
    expect(fillFuture(at, values)).toEqual(fillFuture(at, Float32Array.from(rows)));
    hideFuture(at, values);
    expect([...values]).toEqual(rows);
  });

  test('leaves the rows that were given as they were', () => {
    const values = Float32Array.from(rows);
    fillFuture(at, values);
    expect([...values]).toEqual(rows);
  });

  test('is nothing for one token', () => {
    const values = Float32Array.of(1, 2, 3, 4);
    expect([...fillFuture(scores(3, 1, 1), values)]).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['NaN', [Number.NaN, 7], [Number.NaN, 7, 7]],
    ['+∞', [Number.POSITIVE_INFINITY, -7], [Number.POSITIVE_INFINITY, -7, -7]],
    ['−∞', [-7, Number.NEGATIVE_INFINITY], [-7, Number.NEGATIVE_INFINITY, -7]],
    ['NaN and nothing else', [Number.NaN, Number.NaN], [Number.NaN, Number.NaN, 0]],
  ])('is finite beside %s, which stays', (_, seen, want) => {
    const filled = fillFuture(scores(1, 2, 1), Float32Array.of(...seen, hidden, 1, 2, 3));
    expect([...filled]).toEqual([...want, 1, 2, 3]);
  });
});

describe('teacher forcing a softmax that looks past the mask', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'llama-probe-mask-'));
  const shaders = join(folder, 'shaders');
  cpSync(fileURLToPath(new URL('../shaders', import.meta.url)), shaders, { recursive: true });
  const source = readFileSync(join(shaders, 'soft_max.wgsl'), 'utf8');
  const unmasked = source.replace('batch.first_position + row / heads + 1u', 'batch.n_kv');
  expect(unmasked).not.toBe(source);
  writeFileSync(join(shaders, 'soft_max.wgsl'), unmasked);

  const sizes = { layers: 2, embd: 16, heads: 2, kvHeads: 1, headDim: 8, ff: 24, vocab: 19, context: 16 };
  const model = join(folder, 'tiny.gguf');
  writeFileSync(model, writeGguf(tinyLlama(sizes, randomFrom(1))).bytes);

  /** The shaders' folder is read when the module is. */
  const open = async (): Promise<Engine> => {
    vi.resetModules();
    const { openEngine } = await import('../src/engine.js');
    return openEngine({ model });
  };
  const healthy = await open();
  vi.stubEnv('LLAMA_PROBE_SHADERS', shaders);
  const broken = await open();
  afterAll(() => {
    vi.unstubAllEnvs();
    healthy.close();
    broken.close();
    rmSync(folder, { recursive: true });
  });

  test('records finite numbers that are wrong, the same each time, and nothing else that is', async () => {
    const cut = { tokens: [1, 2, 3, 4, 5], ubatch: 3, steps: 1, forcedTokens: [6] };
    const want = await collect(healthy, { ...cut, hook: { record: () => true } });
    const hook = { record: () => true, overwrite: ({ order }: StageAt) => want[order]?.values };
    const got = await collect(broken, { ...cut, hook });
    const wrong = got.filter(({ values }, i) => !same(values, want[i]?.values as Float32Array));
    // Not at step 1: a single token sees everything.
    expect(wrong.map(({ step, layer, stage, positions }) => [step, layer, stage, positions.length])).toEqual([
      [0, 0, 'kq_soft_max', 3],
      [0, 1, 'kq_soft_max', 3],
      [0, 0, 'kq_soft_max', 2],
      [0, 1, 'kq_soft_max', 2],
    ]);
    // The first token sees itself, and its own score is what the two hidden ones have.
    expect([...(wrong[0] as Tensor).values.subarray(0, 3)]).toEqual([1 / 3, 1 / 3, 1 / 3].map(Math.fround));
    expect(wrong.every(({ values }) => values.every(Number.isFinite))).toBe(true);
    const again = await collect(broken, { ...cut, hook });
    expect(again.every(({ values }, i) => same(values, got[i]?.values as Float32Array))).toBe(true);
  });
});

async function collect(engine: Engine, options: RunOptions): Promise<Tensor[]> {
  const tensors: Tensor[] = [];
  for await (const tensor of engine.run(options).tensors) tensors.push(tensor);
  return tensors;
}

/** Bit for bit. */
function same(a: Float32Array, b: Float32Array): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
  return bytes(a).equals(bytes(b));
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded, type TinyArchitecture, text, tinyArchitecture, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, expect, test } from 'vitest';
import './support/kept.js';
import { reproduce } from '../src/diagnosis/reproduce.js';
import { llama } from '../src/sides/llama.js';

const folder = mkdtempSync(join(tmpdir(), 'reproduce-'));
afterAll(() => rmSync(folder, { recursive: true }));
const random = seeded();
const TOKENS = Array.from({ length: 11 }, () => Math.floor(64 * random()));

test.each<TinyArchitecture>([
  ...(['gpt-oss', 'gemma2', 'gemma3', 'qwen3', 'deepseek2'] as const),
  ...(['bloom', 'mpt', 'qwen2vl', 'qwen3vl', 'starcoder2'] as const),
])('the oracle makes every stage of %s of the rows before it, as llama.cpp does', async (architecture) => {
  const model = join(folder, `${architecture}.gguf`);
  writeFileSync(model, writeGguf(tinyArchitecture(architecture, random)).bytes);
  await using side = await llama(model, { mode: 'exact' });
  const { file, operations } = side;
  if (!file || !operations) throw new Error('llama.cpp has both');
  const stages = await reproduce({ ...side, file, operations }, TOKENS);
  expect(stages.length).toBeGreaterThan(25);
  const isWrong = ({ rel }: (typeof stages)[number]) => rel === null || !(rel < 1e-5);
  expect(stages.filter(isWrong)).toEqual([]);
});

test.each([
  ['one weight', false],
  ['one weight, and three biases', true],
])('Q, K and V of %s are parts of the product, whether that was captured or not', async (_, biases) => {
  const sizes = { layers: 1, embd: 32, heads: 4, kvHeads: 2, headDim: 8, ff: 48, vocab: 64, context: 64 };
  const parts = tinyLlama({ ...sizes, fused: true, biases }, random);
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  const model = join(folder, `fused-${biases}.gguf`);
  writeFileSync(model, writeGguf(parts).bytes);
  await using side = await llama(model, { mode: 'exact' });
  const { file, operations } = side;
  if (!file || !operations) throw new Error('llama.cpp has both');
  for (const stages of ['vocabulary', 'all'] as const) {
    const run: typeof side.run = (plan) => side.run({ ...plan, stages });
    const found = await reproduce({ ...side, file, operations, run }, TOKENS);
    const names = found.map(({ stage }) => stage);
    expect(names.includes('wqkv')).toBe(stages === 'all');
    const projections = found.filter(({ stage }) => /^[qkv]_proj$/.test(stage));
    expect(projections).toHaveLength(3);
    for (const { rel } of projections) expect(rel).toBeLessThan(1e-6);
  }
});

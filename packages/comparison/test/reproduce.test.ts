import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded, type TinyArchitecture, tinyArchitecture, writeGguf } from '@llama-probe/testing';
import { afterAll, expect, test } from 'vitest';
import './support/kept.js';
import { reproduce } from '../src/diagnosis/reproduce.js';
import { llama } from '../src/sides/llama.js';

const folder = mkdtempSync(join(tmpdir(), 'reproduce-'));
afterAll(() => rmSync(folder, { recursive: true }));
const random = seeded();
const TOKENS = Array.from({ length: 11 }, () => Math.floor(64 * random()));

test.each<TinyArchitecture>(['gpt-oss', 'gemma2', 'gemma3', 'qwen3'])(
  'the oracle makes every stage of %s of the rows before it, as llama.cpp does',
  async (architecture) => {
    const model = join(folder, `${architecture}.gguf`);
    writeFileSync(model, writeGguf(tinyArchitecture(architecture, random)).bytes);
    await using side = await llama(model, { mode: 'exact' });
    const { file, operations } = side;
    if (!file || !operations) throw new Error('llama.cpp has both');
    const stages = await reproduce({ ...side, file, operations }, TOKENS);
    expect(stages.length).toBeGreaterThan(30);
    const isWrong = ({ rel }: (typeof stages)[number]) => rel === null || !(rel < 1e-5);
    expect(stages.filter(isWrong)).toEqual([]);
  },
);

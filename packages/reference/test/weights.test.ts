import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GgmlWeights, openGgmlWeights } from '../src/weights/open-weights.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-weights-'));
const path = join(folder, 'bytes');
const VALUES = Float32Array.from({ length: 64 }, (_, i) => (i - 20) / 7);
const [F32, F16, Q8_0, Q8_K, I64] = [0, 1, 8, 15, 27];

let ggml: GgmlWeights;
beforeAll(async () => {
  // F32, then a block of Q8_0 whose scale is 0.5 and whose quants count from −16
  const block = Buffer.from([0x00, 0x38, ...Array.from({ length: 32 }, (_, i) => (i - 16) & 255)]);
  writeFileSync(path, Buffer.concat([Buffer.from(VALUES.buffer), block]));
  ggml = await openGgmlWeights();
});
afterAll(async () => {
  await ggml.close();
  rmSync(folder, { recursive: true });
});

describe('ggml’s type traits', () => {
  test('make floats of a block', async () => {
    const rows = await ggml.rows({ path, offset: 256, type: Q8_0, columns: 32, rows: 1 });
    expect([...rows]).toEqual(Array.from({ length: 32 }, (_, i) => (i - 16) / 2));
  });

  test('copy F32 from where it is, one call after the other', async () => {
    const read = (offset: number, rows: number) => ggml.rows({ path, offset, type: F32, columns: 8, rows });
    const [all, last] = await Promise.all([read(0, 8), read(224, 1)]);
    expect(all).toEqual(VALUES);
    expect(last).toEqual(VALUES.slice(56));
  });

  test('say what is left when a type has held them, row by row', async () => {
    const through = (type: number) => ggml.rows({ path, offset: 0, type: F32, columns: 32, rows: 2, through: type });
    const half = await through(F16);
    expect(half).not.toEqual(VALUES);
    expect(Math.max(...half.map((value, i) => Math.abs(value - (VALUES[i] as number))))).toBeLessThan(2 ** -9);
    const blocks = await through(Q8_0);
    const scale = Math.max(...VALUES.slice(32).map(Math.abs)) / 127;
    expect(Math.abs((blocks[40] as number) - (VALUES[40] as number))).toBeLessThan(scale);
  });

  test('know which types they read and make', () => {
    expect(ggml.types.get(Q8_0)).toEqual({ reads: true, makes: true });
    expect(ggml.types.get(Q8_K)).toEqual({ reads: false, makes: false });
    expect(ggml.types.get(19)).toEqual({ reads: true, makes: true }); // IQ1_S: with all columns alike
    expect(ggml.types.has(4)).toBe(false); // Q4_2 of old
  });

  test('refuse what they cannot, and go on', async () => {
    const bad = [
      { type: I64, columns: 8 },
      { type: 4, columns: 8 },
      { type: F32, columns: 8, through: Q8_0 }, // a row of 8 has no block of 32
    ];
    for (const one of bad) {
      await expect(ggml.rows({ path, offset: 0, rows: 1, ...one })).rejects.toMatchObject({ code: 'weights-type' });
    }
    await expect(ggml.rows({ path, offset: 0, type: F32, columns: 1000, rows: 1 })).rejects.toMatchObject({
      code: 'model-truncated',
    });
    expect(await ggml.rows({ path, offset: 0, type: F32, columns: 1, rows: 1 })).toEqual(VALUES.slice(0, 1));
  });

  test('leave nothing behind', async () => {
    const mine = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`llama-probe-${process.pid}-`)).length;
    const before = mine();
    const other = await openGgmlWeights();
    expect(mine()).toBe(before + 1);
    await other.close();
    expect(mine()).toBe(before);
  });
});

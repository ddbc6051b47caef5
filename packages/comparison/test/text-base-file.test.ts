import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '@llama-probe/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { BaseFile, BaseWriter, scoredIn } from '../src/text/base-file.js';
import { logProbs } from '../src/text/score.js';

const folder = mkdtempSync(join(tmpdir(), 'text-base-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The format once more, from its description, with arrays of its types in place of a view. */
function fixture(window: number, tokens: number[], rows: Float32Array[]): Buffer {
  const vocabulary = (rows[0] as Float32Array).length;
  const parts: ArrayBufferView[] = [
    new TextEncoder().encode('_logits_'),
    Int32Array.of(window, vocabulary, tokens.length / window),
    Int32Array.from(tokens),
  ];
  for (const row of rows) {
    const top = Math.max(...row);
    const least = Math.max(Math.min(...row), Math.fround(top - 16));
    const logSum = Math.fround(Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0)));
    const scale = Float32Array.of((Float32Array.of(top - least)[0] as number) / 65535)[0] as number;
    const inverse = Math.fround(1 / scale);
    const codes = new Uint16Array(2 * Math.ceil(vocabulary / 2));
    row.forEach((logit, id) => {
      const code = Math.fround(inverse * Math.fround(logit - least));
      // Adding and taking away 1.5 · 2²³ in f32 rounds to the nearest whole number, ties to even.
      codes[id] = logit > least ? Math.fround(Math.fround(code + 12582912) - 12582912) : 0;
    });
    parts.push(Float32Array.of(scale, Math.fround(Math.fround(least - top) - logSum)), codes);
  }
  return Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)),
  );
}

const WINDOW = 7; // scored are the positions 3, 4 and 5
const random = seeded();
/** Logits of an odd vocabulary, the lowest of them out of reach of 16 nats. */
const row = () => Float32Array.from({ length: 11 }, (_, id) => (id === 4 ? -40 : 12 * random()));
const rows = Array.from({ length: 6 }, row);
const tokens = Array.from({ length: 2 * WINDOW }, (_, i) => i % 11);

async function written(path: string): Promise<void> {
  const writer = await BaseWriter.open(path, { window: WINDOW, vocabulary: 11, tokens });
  for (const begin of [0, 3]) await writer.add(new Map([0, 1, 2].map((i) => [3 + i, rows[begin + i] as Float32Array])));
  await writer.close();
}

describe('a file of log-probabilities', () => {
  test('is written byte for byte as llama.cpp has it', async () => {
    const path = join(folder, 'ours.kld');
    await written(path);
    expect(readFileSync(path).equals(fixture(WINDOW, tokens, rows))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes('part'))).toEqual([]);
  });

  test('is read as it was meant: to within a step of 16 bits', async () => {
    const path = join(folder, 'theirs.kld');
    writeFileSync(path, fixture(WINDOW, tokens, rows));
    const base = await BaseFile.open(path);
    expect(base).toMatchObject({ window: WINDOW, vocabulary: 11, tokens });
    const first = await base.rows(0);
    expect([2, 3, 4, 5, 6].filter((position) => first.get(position))).toEqual([3, 4, 5]);
    const second = await base.rows(1);
    const right = logProbs(rows[4] as Float32Array);
    const top = Math.max(...right);
    for (const [id, logP] of (second.get(4) ?? []).entries())
      expect(Math.abs(logP - Math.max(right[id] as number, top - 16))).toBeLessThan(16 / 65535);
    await base.close();
  });

  test('of rows that are all the same has a scale of 0', async () => {
    const path = join(folder, 'flat.kld');
    const writer = await BaseWriter.open(path, { window: 3, vocabulary: 4, tokens: [1, 2, 3] });
    await writer.add(new Map([[1, Float32Array.of(5, 5, 5, 5)]]));
    await writer.close();
    const base = await BaseFile.open(path);
    for (const logP of (await base.rows(0)).get(1) ?? []) expect(logP).toBeCloseTo(-Math.log(4), 6);
    await base.close();
  });

  test('that is given up is gone', async () => {
    const path = join(folder, 'never.kld');
    const writer = await BaseWriter.open(path, { window: WINDOW, vocabulary: 11, tokens });
    await writer.abort();
    expect(readdirSync(folder).filter((name) => name.startsWith('never'))).toEqual([]);
  });

  test.each([
    ['another file', () => Buffer.from('GGUF and more than that'), 'does not begin with _logits_'],
    ['an empty one', () => Buffer.alloc(0), 'does not begin with _logits_'],
    ['a head that is cut off', () => fixture(WINDOW, tokens, rows).subarray(0, 12), 'is cut off: it has 12 bytes'],
    ['rows that are cut off', () => fixture(WINDOW, tokens, rows).subarray(0, -1), 'is cut off'],
    ['no windows', () => fixture(WINDOW, [], rows), '0 windows'],
  ])('%s is refused', async (name, bytes, says) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.kld`);
    writeFileSync(path, bytes());
    await expect(BaseFile.open(path)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(says) });
  });

  test('that is not there is refused', async () => {
    await expect(BaseFile.open(join(folder, 'nowhere'))).rejects.toThrow('cannot be read (ENOENT)');
  });
});

test.each([
  [512, 256, 510],
  [7, 3, 5],
  [3, 1, 1],
])('of a window of %i the positions %i to %i are scored', (window, first, last) => {
  expect(scoredIn(window)).toEqual({ first, last });
});

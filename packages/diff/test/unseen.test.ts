import { describe, expect, test } from 'vitest';
import { unseen } from '../src/index.js';

const run = (prompt: number, steps: number) =>
  unseen([
    { step: 0, shape: [prompt, 8] },
    ...Array.from({ length: steps }, (_, i) => ({ step: i + 1, shape: [1, 8] as const })),
  ]).map(({ what }) => what);

describe('what a prompt cannot show', () => {
  test('one position is blind to attention, and to the cache', () => {
    expect(run(1, 0)).toEqual([
      'RoPE, the scores, their scale and the mask',
      'the KV cache, and the position of a decoded token',
    ]);
  });
  test('a prompt of one token never has several rows', () => {
    expect(run(1, 4)).toEqual(['the mask within a pass, and products of several rows']);
  });
  test('without decoded tokens the cache is not read', () => {
    expect(run(100, 0)).toEqual(['the KV cache, and the position of a decoded token']);
  });
  test('a short prompt fits into a tile', () => {
    expect(run(64, 1)).toEqual(['what happens between two tiles of a prompt']);
    expect(run(65, 1)).toEqual([]);
  });
  test('nothing compared says nothing', () => {
    expect(unseen([])).toEqual([]);
  });
});

import { describe, expect, test } from 'vitest';
import { chunksFound, chunksOf } from '../src/text/chunks.js';

describe('whether a divergence depends on how the prompt is cut', () => {
  test.each<[string, number, { size: number; position: number }, number, (size: number) => number | undefined, string]>(
    [
      [
        'a bug of the second chunk is there only where the prompt is cut',
        57,
        { size: 32, position: 32 },
        57,
        (n) => (n < 57 ? n : undefined),
        'On these tokens it is there only where they are cut: with chunks of 32 it is wrong from position 32 on, the first of chunk 2; with chunks of 56 too; in one chunk of 57 it agrees.',
      ],
      [
        'one that long chunks do not have is told with the size at which it turns',
        57,
        { size: 16, position: 50 },
        57,
        (n) => (n < 21 ? 50 : undefined),
        'On these tokens it is there only where they are cut: with chunks of 16 it is wrong from position 50 on; with chunks of 20 too; with chunks of 21 and in one chunk of 57 it agrees.',
      ],
      [
        'what the candidate cannot run in one chunk is not said of one',
        57,
        { size: 16, position: 48 },
        40,
        (n) => (n < 17 ? 48 : undefined),
        'On these tokens it depends on the size of the chunks: with chunks of 16 it is wrong from position 48 on, the first of chunk 4; with chunks of 17 and with chunks of 40 it agrees.',
      ],
      [
        'a bug that is there in one chunk too takes one run',
        57,
        { size: 32, position: 56 },
        57,
        () => 56,
        'With chunks of 32 it is wrong, and in one chunk of 57 too, from position 56 on.',
      ],
      [
        'a bug of long chunks agrees in shorter ones',
        17,
        { size: 17, position: 16 },
        17,
        (n) => (n > 12 ? 16 : undefined),
        'On these tokens it depends on the size of the chunks: in one chunk of 17 it is wrong from position 16 on; with chunks of 13 too; with chunks of 12 it agrees.',
      ],
      [
        'what was not cut and is wrong in two chunks as well takes one run',
        17,
        { size: 17, position: 16 },
        17,
        () => 16,
        'In one chunk of 17 it is wrong, and with chunks of 9 too, from position 16 on.',
      ],
      [
        'nothing is said of longer chunks than the candidate takes',
        57,
        { size: 32, position: 32 },
        32,
        () => expect.unreachable(),
        'The prompt is cut into chunks of 32 there, and the candidate takes no more at once: whether the cut matters is not known.',
      ],
      ['nor of a single token', 1, { size: 1, position: 0 }, 1, () => expect.unreachable(), ''],
    ],
  )('%s', async (_, tokens, known, most, probe, says) => {
    const asked: number[] = [];
    const runs = await chunksOf(tokens, known, most, async (size) => {
      asked.push(size);
      return probe(size);
    });
    expect(chunksFound(tokens, runs, known.size)).toBe(says);
    // Every size that is told was run, once, and told as it was.
    expect(asked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(tokens)) + 1);
    expect(runs.map(({ size }) => size)).toEqual([...asked, known.size].sort((a, b) => a - b));
    for (const { size, position } of runs)
      expect(position).toBe(size === known.size ? known.position : (probe(size) ?? null));
  });
});

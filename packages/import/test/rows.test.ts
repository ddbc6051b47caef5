import { describe, expect, test } from 'vitest';
import { rowsOf } from '../src/shape/rows.js';

const about = (stage: string, tokens: number | undefined = 3) => ({ path: 'mine.npz', name: 'x', stage, tokens });
const counted = (count: number) => Float32Array.from({ length: count }, (_, i) => i);
const read = (stage: string, shape: number[], tokens: number | undefined = 3) => {
  const rows = rowsOf(shape, about(stage, tokens));
  const values = rows.arrange(counted(shape.reduce((a, b) => a * b, 1)));
  return { rows, values: [...values] };
};

describe('shapes become rows', () => {
  test.each<[string, number[]]>([
    ['l_out', [3, 2]],
    ['l_out', [1, 3, 2]],
    ['l_out', [1, 1, 3, 2]],
    ['q_proj', [3, 2]],
    ['q_proj', [1, 3, 2]],
    ['result_output', [1, 3, 2]],
  ])('%s %j as it is', (stage, shape) => {
    const { rows, values } = read(stage, shape);
    expect(rows).toMatchObject({ width: 2, positions: Int32Array.of(0, 1, 2) });
    expect(values).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test.each<[string, number[], string[]]>([
    ['q_rope', [2, 3, 2], ['headsFirst']],
    ['q_rope', [1, 2, 3, 2], ['batch', 'headsFirst']],
    ['kq_soft_max', [1, 2, 3, 2], ['batch', 'headsFirst']],
  ])('%s %j: heads first', (stage, shape, done) => {
    const { rows, values } = read(stage, shape);
    expect(rows).toMatchObject({ width: 4, heads: 2, done });
    // head 0 of token 0, head 1 of token 0, head 0 of token 1, …
    expect(values).toEqual([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
  });

  test('heads inside', () => {
    const { rows, values } = read('q_rope', [1, 3, 2, 2]);
    expect(rows).toMatchObject({ width: 4, heads: 2, done: ['batch', 'headsInside'] });
    expect(values).toEqual([...counted(12)]);
  });

  test.each([[[5]], [[1, 5]], [[1, 1, 5]]])('logits of the last token, %j', (shape) => {
    const { rows } = read('result_output', shape);
    expect(rows).toMatchObject({ width: 5, positions: Int32Array.of(2) });
    expect(rows.done).toContain('lastOnly');
  });

  test('one token is one row', () => {
    expect(read('l_out', [5], 1).rows).toMatchObject({ width: 5, positions: Int32Array.of(0), done: [] });
    expect(read('q_rope', [1, 4, 1, 2], 1).rows).toMatchObject({ width: 8, heads: 4 });
  });

  test('a column for each token is transposed', () => {
    expect(read('l_out', [2, 3]).values).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test.each<[string, number[], RegExp]>([
    ['l_out', [2, 3, 4], /a batch of 2; wanted one sequence/],
    ['q_rope', [2, 4, 3, 8], /a batch of 2; wanted one sequence/],
    ['l_out', [5, 7], /x is \[5, 7\], and that is no l_out of 3 tokens; wanted \[tokens, width\]/],
    ['l_out', [7], /no l_out of 3 tokens/],
    ['q_rope', [3, 3, 8], /of 3 tokens and as many heads nothing tells which come first\. Run another number/],
    ['kq_soft_max', [2, 4, 4], /wanted \[heads, tokens, n_kv\]/],
    ['l_out', [1, 2, 3, 4], /\[1, 2, 3, 4\]/],
    ['l_out', [], /\[\]/],
  ])('%s %j is refused', (stage, shape, message) => {
    expect(() => read(stage, shape)).toThrow(message);
  });
});

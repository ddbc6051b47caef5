import { describe, expect, test } from 'vitest';
import type { StageCase } from '../../src/case.js';
import { byNumbers } from '../../src/numbers/by-numbers.js';
import { engineRows, limitsOf, randomCase } from '../diagnose/random-cases.js';
import { graphCases } from '../graph-cases.js';

const limits = limitsOf(1e-5);

/** What is said of rows that an engine has made of right ones. `wrong` gets the right value at (row, column). */
function said(
  c: StageCase,
  wrong: (at: (row: number, column: number) => number, row: number, column: number) => number,
) {
  const right = engineRows(c);
  const width = right.length / c.rows;
  const own = engineRows(c, {}, 7); // with another rounding
  const at = (row: number, column: number) => own[row * width + column] as number;
  const sick = Float32Array.from(own, (_, i) => wrong(at, Math.floor(i / width), i % width));
  return byNumbers(c, sick, right, { limits })?.text;
}

describe('a constant', () => {
  test.each([
    [
      'attn_rms',
      () => Math.sqrt(63 / 64),
      'all rows are √((n_embd − 1)/n_embd) = 0.9921567 times the right values: a mean over 63 in place of 64',
    ],
    ['embd', () => 8, 'all rows are √n_embd = 8 times the right values'],
    [
      'q_rope',
      (_: number, column: number) => (column >= 64 ? Math.SQRT1_2 : 1),
      'heads 4 to 7 are 1/√2 = 0.7071068 times the right values',
    ],
    ['l_out', (row: number) => (row === 3 ? -1 : 1), 'the row of token 3 is −1 times the right values'],
    ['kqv_out', (row: number) => 1 / (row + 1), 'the row of position p is 1/(p + 1) times the right one'],
    ['l_out', () => 0.9371, undefined],
    ['q_rope', (_: number, column: number) => (column >= 64 ? 0.9371 : 1), undefined],
  ] as const)('at %s (%#)', (stage, by, text) => {
    expect(said(randomCase(stage), (at, row, column) => at(row, column) * by(row, column))).toBe(text);
  });
});

describe('rows, columns, heads and blocks in other places', () => {
  test.each([
    [
      'embd',
      'each row holds the values of the token before it',
      (row: number, column: number) => [Math.max(0, row - 1), column],
    ],
    [
      'embd',
      'the rows of tokens 1, 3 and 5 hold the values of tokens 0, 2 and 4',
      (row: number, column: number) => [row - (row % 2), column],
    ],
    [
      'l_out',
      'the rows of tokens 1 and 4 are exchanged',
      (row: number, column: number) => [row === 1 ? 4 : row === 4 ? 1 : row, column],
    ],
    [
      'l_out',
      'columns 32 to 63 hold the values of columns 0 to 31',
      (row: number, column: number) => [row, column % 32],
    ],
    [
      'q_rope',
      'in each head neighbouring columns (0 and 1, 2 and 3, …) are exchanged',
      (row: number, column: number) => [row, column ^ 1],
    ],
    [
      'q_proj',
      'heads 1 and 2 are exchanged',
      (row: number, column: number) => [
        row,
        column < 16 || column >= 48 ? column : column < 32 ? column + 16 : column - 16,
      ],
    ],
    [
      'q_proj',
      'heads 5 and 6 hold the values of head 2',
      (row: number, column: number) => [row, column >= 80 && column < 112 ? 32 + (column % 16) : column],
    ],
    [
      'q_proj',
      'in heads 2 and 3 the rows of tokens are in reverse',
      (row: number, column: number) => [column >= 32 && column < 64 ? 5 - row : row, column],
    ],
    [
      'ffn_out',
      'blocks of 16 columns are in reverse',
      (row: number, column: number) => [row, 48 - 16 * Math.floor(column / 16) + (column % 16)],
    ],
  ] as const)('at %s: %s', (stage, text, from) => {
    const wrong = said(randomCase(stage), (at, row, column) => at(...(from(row, column) as [number, number])));
    expect(wrong).toBe(text);
  });

  test('experts', () => {
    const c = graphCases().find((one) => one.c.stage === 'ffn_moe_weighted')?.c as StageCase;
    expect(said(c, (at, row, column) => at(row, (column + 32) % 64))).toBe('experts 0 and 1 are exchanged');
  });

  test('one column of one row is in another place by chance: nothing is said', () => {
    const c = randomCase('l_out', { rows: 1, firstPosition: 9 });
    expect(said(c, (at, row, column) => at(row, column === 5 ? 9 : column))).toBeUndefined();
    expect(said(c, (at, row, column) => at(row, Math.max(8, column)))).toBeUndefined();
  });

  test('of rows that are the same it is not said which one another is', () => {
    const c = { ...randomCase('embd'), tokens: [3, 4, 3, 5, 6, 7] };
    expect(said(c, (at, row, column) => at(row === 4 ? 3 : row, column))).toBe(
      'the row of token 4 holds the values of token 3',
    );
    expect(said(c, (at, row, column) => at(row === 4 ? 2 : row, column))).toBeUndefined();
  });
});

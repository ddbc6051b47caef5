import { describe, expect, test } from 'vitest';
import type { StageCase } from '../../src/case.js';
import { byNumbers } from '../../src/numbers/by-numbers.js';
import type { SoftMaxVariation } from '../../src/variation.js';
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
    ['embd', () => 8, 'all rows are 8 (√n_embd here) times the right values'],
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
    expect(said(c, (at, row, column) => at(row === 4 ? 2 : row, column))).toBe(
      'token 4, whose id is 6, has the embedding of id 3',
    );
    const same = { ...randomCase('l_out') };
    const { ffn_out = new Float64Array(), ffn_inp = new Float64Array() } = same.inputs;
    for (const rows of [ffn_out, ffn_inp]) rows.copyWithin(2 * 64, 0, 64);
    expect(said(same, (at, row, column) => at(row === 4 ? 2 : row, column))).toBeUndefined();
  });
});

/** The rows that a stage has if one of its inputs, or its cache, was another. */
function from(c: StageCase, name: string, other: (right: Float64Array) => Float64Array) {
  const right = engineRows(c);
  const { [name]: input, ...inputs } = c.inputs;
  const changed =
    name === 'cache'
      ? { cache: other(c.cache as Float64Array) }
      : { inputs: { ...inputs, [name]: other(input as Float64Array) } };
  return byNumbers(c, engineRows({ ...c, ...changed }, {}, 7), right, { limits })?.text;
}

/** Rows in another order. */
const ordered = (width: number, of: (row: number) => number) => (x: Float64Array) =>
  x.map((_, i) => x[of(Math.floor(i / width)) * width + (i % width)] as number);
const pairs = (row: number) => row - (row % 2);
const others = (other: (value: number, i: number) => number) => (x: Float64Array) => x.map(other);

describe('what a stage was computed from, solved for', () => {
  test.each([
    [
      'kqv_out',
      'cache',
      ordered(32, pairs),
      'of V, the rows of tokens 1, 3 and 5 hold the values of tokens 0, 2 and 4',
    ],
    ['kq', 'cache', ordered(32, pairs), 'the keys of positions 1, 3 and 5 hold the values of positions 0, 2 and 4'],
    ['kq', 'q_rope', ordered(128, (row) => 5 - row), 'the queries of tokens are in reverse'],
    ['kqv_out', 'cache', ordered(16, (head) => head ^ 1), 'heads 0 to 3 read KV head 1, heads 4 to 7 read KV head 0'],
    [
      'l_out',
      'ffn_out',
      ordered(64, (row) => Math.max(0, row - 1)),
      'of ffn_out, each row holds the values of the token before it',
    ],
    [
      'l_out',
      'ffn_inp',
      ordered(1, (i) => i ^ 1),
      'of ffn_inp, neighbouring columns (0 and 1, 2 and 3, …) are exchanged',
    ],
    [
      'ffn_inp',
      'attn_out',
      others((value) => value / Math.sqrt(6)),
      'the rows are 1/√(2 n_layer) = 0.4082483 · attn_out + l_out',
    ],
    ['ffn_swiglu', 'ffn_up', ordered(96, (row) => 5 - row), 'of ffn_up, the rows of tokens are in reverse'],
    ['attn_norm', 'attn_rms', ordered(1, (i) => i - (i % 64) + 63 - (i % 64)), 'of attn_rms, columns are in reverse'],
    ['attn_rms', 'l_out', others((value, i) => (i % 64 < 40 ? value : 0)), undefined], // zeros go on into the rows
    [
      'attn_out',
      'kqv_out',
      others((value, i) => (Math.floor((i % 128) / 16) === 5 ? 0 : value)),
      'head 5 of kqv_out is not summed',
    ],
    [
      'ffn_out',
      'ffn_swiglu',
      others((value, i) => (i % 96 >= 64 ? 2 * value : value)),
      'columns 64 to 95 of ffn_swiglu are summed twice',
    ],
    ['ffn_out', 'ffn_swiglu', others((value, i) => (i % 96 >= 64 ? 1.37 * value : value)), undefined],
  ] as const)('at %s, %s (%#)', (stage, name, other, text) => {
    expect(from(randomCase(stage), name, other)).toBe(text);
  });

  test('of a residual addition, a side that is small', () => {
    const c = randomCase('l_out');
    const by = (size: number) => {
      const small = {
        ...c,
        inputs: { ...c.inputs, ffn_out: (c.inputs.ffn_out as Float64Array).map((value) => size * value) },
      };
      return byNumbers(small, engineRows(small, { residual: { times: 2 } }, 7), engineRows(small), { limits })?.text;
    };
    expect(by(1e-4)).toBe('the rows are ffn_out + 2 · ffn_inp');
    expect(by(1e-8)).toBe('all rows are 2 times the right values');
  });

  test('some query heads read another KV head', () => {
    const c = randomCase('kqv_out');
    const attend = (of: (head: number) => number) => {
      const one = (kv: number) => {
        const heads = (c.cache as Float64Array).map((_, i) => c.cache?.[i - (i % 32) + 16 * kv + (i % 16)] as number);
        return engineRows({ ...c, cache: heads }, {}, 7);
      };
      const rows = [one(0), one(1)];
      return Float64Array.from(rows[0] as Float32Array, (_, i) => rows[of(Math.floor((i % 128) / 16))]?.[i] as number);
    };
    const sick = Float32Array.from(attend((head) => (head === 2 || head === 3 ? 1 : head >> 2)));
    expect(byNumbers(c, sick, engineRows(c), { limits })?.text).toBe('heads 2 and 3 read KV head 1');
  });

  test('another weight of the file', () => {
    const c = randomCase('ffn_gate');
    const sick = engineRows(c, { product: { weight: 'blk.2.ffn_up.weight' } }, 7);
    expect(byNumbers(c, sick, engineRows(c), { limits })?.text).toBe('the weight is that of blk.2.ffn_up.weight');
  });

  test('a norm: which mean, and of which row', () => {
    const c = randomCase('attn_rms');
    const x = c.inputs.l_out as Float64Array;
    const square = (row: number, count: number) =>
      x.subarray(row * 64, row * 64 + count).reduce((sum, value) => sum + value * value, 0);
    const by = (under: (row: number) => number) => {
      const sick = Float32Array.from(x, (value, i) => value / Math.sqrt(under(Math.floor(i / 64)) + 1e-5));
      return byNumbers(c, sick, engineRows(c), { limits })?.text;
    };
    expect(by((row) => square(row, 60) / 60)).toBe('the mean is that of the first 60 of 64 columns');
    expect(by((row) => square(row, 60) / 64)).toBe('only the first 60 of 64 columns are summed for the mean');
    expect(by((row) => square(5 - row, 64) / 64)).toBe(
      'of the root mean squares that the rows are divided by, the rows of tokens are in reverse',
    );
    expect(by((row) => square(row, 64) / 64.5)).toBeUndefined();
  });

  test('the epsilon of a norm, and a bound where the rows do not tell it', () => {
    const c = randomCase('attn_rms');
    const by = (epsilon: number) =>
      byNumbers(c, engineRows(c, { norm: { epsilon } }, 7), engineRows(c), { limits })?.text;
    expect([1e-3, 1e-6, 1e-9, 4e-4].map(by)).toEqual([
      'the epsilon is 1e-3',
      'the epsilon is 1e-6',
      'the epsilon is 1e-8 or less',
      undefined,
    ]);
  });

  test('the positions that tokens are turned for', () => {
    const c = randomCase('q_rope');
    const turned = Array.from({ length: 6 }, (_, position) => engineRows(c, { rope: { position } }, 7));
    const by = (of: (row: number) => number) => {
      const sick = Float32Array.from(
        turned[0] as Float32Array,
        (_, i) => turned[of(Math.floor(i / 128))]?.[i] as number,
      );
      return byNumbers(c, sick, engineRows(c), { limits })?.text;
    };
    expect(by(pairs)).toBe('the tokens at positions 1, 3 and 5 are turned for positions 0, 2 and 4');
    expect(by((row) => Math.max(0, row - 1))).toBe('each token is turned for the position before it');
  });

  test('which positions a row sees, and by what its scores are multiplied', () => {
    const c = randomCase('kq_soft_max');
    const by = (softMax: SoftMaxVariation) =>
      byNumbers(c, engineRows(c, { softMax }, 7), engineRows(c), { limits })?.text;
    expect(by({ window: 3 })).toBe('no row sees more than 3 positions, its own among them');
    expect(by({ chunk: 5 })).toBe('token 5 sees position 0');
    expect(by({ scale: 1 / Math.sqrt(128) })).toBe('the scores are multiplied by 1/√n_q = 0.08838835 in place of 0.25');
    expect(by({ temperature: 0.5 })).toBe('the scores are multiplied by 0.5 in place of 0.25: 2 times as much');
    expect(by({ temperature: 0.87 })).toBeUndefined();
    expect(by({ sum: 'plus-one' })).toBeUndefined();
  });
});

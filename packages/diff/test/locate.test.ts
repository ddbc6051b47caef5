import { rounded } from '@llama-probe/dump/precision';
import { describe, expect, test } from 'vitest';
import { type LocateOptions, locate, type RowPair } from '../src/locate.js';

/** Uniform in [0, 1), the same for a seed (Tommy Ettinger's Mulberry32, public domain). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed, by Box and Muller. */
function normal(seed: number): () => number {
  const uniform = random(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const LIMIT = 1e-5;
const TOKENS = 9;
const HEADS = 8;
const HEAD = 32;
const WIDTH = HEADS * HEAD;

type Wrong = (reference: Float32Array, token: number, all: readonly Float32Array[]) => ArrayLike<number>;

/** A stage of random rows: what `wrong` makes of the right ones, with f32 rounding on top. */
function stage(wrong: Wrong, { tokens = TOKENS, width = WIDTH, seed = 1, rounding = 1e-7 } = {}): RowPair[] {
  const next = normal(seed);
  const all = Array.from({ length: tokens }, (_, token) =>
    Float32Array.from({ length: width }, () => (token === 0 ? 3 : 1) * next()),
  );
  return all.map((reference, token) => {
    const candidate = Float32Array.from(wrong(reference, token, all), (value) => value * (1 + rounding * next()));
    return { token, candidate, reference };
  });
}

/** Only the tokens from 1 on are wrong. */
const from1 =
  (wrong: Wrong): Wrong =>
  (reference, token, all) =>
    token > 0 ? wrong(reference, token, all) : reference;

/** The value at each index from the right row. */
const each =
  (f: (value: number, index: number, token: number, row: Float32Array) => number): Wrong =>
  (reference, token) =>
    Array.from(reference, (value, index) => f(value, index, token, reference));

const find = (
  wrong: Wrong,
  options: Partial<LocateOptions> & { tokens?: number; width?: number; seed?: number; rounding?: number } = {},
) => locate(stage(wrong, options), { limit: LIMIT, ...options });

describe('where', () => {
  test('every row but token 0, all heads, every value', () => {
    const where = find(from1(each((value) => 2 * value)), { heads: HEADS });
    expect(where).toMatchObject({ tokens: [[1, 8]], wrongRows: 8, rows: 9, heads: [[0, 7]], columnsIn: 'row' });
    expect(where.columns).toEqual([{ from: 0, to: WIDTH - 1, what: 'the whole row' }]);
    expect(where.share).toBeGreaterThan(0.999);
    expect(where.text).toBe(
      'every row but token 0 is wrong, in all 8 heads, every value; they are 2 times the right ones',
    );
  });

  test('in heads that the candidate has in half-split order, as it counts them', () => {
    const options = { heads: HEADS, isHalfSplit: true };
    const pair = find(
      each((value, index) => (index % HEAD < 8 ? 2 * value : value)),
      options,
    );
    expect(pair.columns.map(({ from, to }) => [from, to])).toEqual([
      [0, 3],
      [16, 19],
    ]);
    expect(pair.text).toMatch(
      /only columns 0 to 3 and 16 to 19 of the head; .*; places in a head are those of the half-split order that the candidate has$/,
    );
    const whole = find(
      each((value) => 2 * value),
      options,
    );
    expect(whole.text).toBe('every row is wrong, in all 8 heads, every value; they are 2 times the right ones');
    const [one] = stage((row) => row.map((value, i) => (i === 35 ? value + 1 : value)), { tokens: 1 });
    expect(locate([one as RowPair], { limit: LIMIT, ...options }).text).toMatch(/at token 0, index 49; places/);
  });

  test('some rows, in any order', () => {
    const rows = stage((row, token) => (token === 2 || token > 6 ? row.map((value) => -value) : row)).reverse();
    const where = locate(rows, { limit: LIMIT });
    expect(where).toMatchObject({
      tokens: [
        [2, 2],
        [7, 8],
      ],
      wrongRows: 3,
      heads: null,
    });
    expect(where.text).toBe('tokens 2 and 7 to 8 are wrong, every value; they are negated');
  });

  test('two heads', () => {
    const where = find(
      each((value, i) => (i >= 96 && i < 160 ? value / 2 : value)),
      { heads: HEADS },
    );
    expect(where).toMatchObject({ heads: [[3, 4]], columnsIn: 'head', share: 1 / 4 });
    expect(where.columns).toEqual([{ from: 0, to: 31, what: 'the whole head' }]);
    expect(where.text).toBe('every row is wrong, in heads 3 to 4 of 8, every value; they are 0.5 times the right ones');
  });

  test('the same half of each head', () => {
    const where = find(
      each((value, i) => (i % HEAD < 16 ? 0 : value)),
      { heads: HEADS },
    );
    expect(where).toMatchObject({ heads: [[0, 7]], columnsIn: 'head' });
    expect(where.columns).toEqual([{ from: 0, to: 15, what: 'the first half of each head' }]);
    expect(where.text).toBe(
      'every row is wrong, in all 8 heads, only columns 0 to 15 (the first half of each head); they are 0',
    );
  });

  test('blocks', () => {
    const where = find(
      each((value, i) => (i >= 192 ? value / 4 : value)),
      { width: 512 },
    );
    expect(where.columns).toEqual([{ from: 192, to: 511, what: 'blocks 6 to 15 of 32 values' }]);
    const group = find(
      each((value, i) => (i >= 192 && i < 256 ? value / 4 : value)),
      { width: 512 },
    );
    expect(group.text).toBe(
      'every row is wrong, only columns 192 to 255 (blocks 6 and 7 of 32 values: one group of 64); they are 0.25 times the right ones',
    );
    const large = find(
      each((value, i) => (i >= 256 && i < 512 ? 0 : value)),
      { width: 1024 },
    );
    expect(large.columns[0]?.what).toBe('block 1 of 256 values');
  });

  test.each([
    [300, 256, 'the tail after the last full 256'],
    [224, 192, 'the tail after the last full 64'],
    [1000, 992, 'the tail after the last full 32'],
  ])('the tail of %i from %i', (width, from, what) => {
    const where = find(
      each((value, i) => (i >= from ? 0 : value)),
      { width },
    );
    expect(where.columns).toEqual([{ from, to: width - 1, what }]);
  });

  test('every other column', () => {
    const odd = find(each((value, i) => (i % 2 ? -value : value)));
    expect(odd.columns).toEqual([{ from: 1, to: WIDTH - 1, what: 'odd columns' }]);
    expect(odd.kind.kind).toBe('factor');
    const even = find(
      each((value, i) => (i % 2 ? value : -value)),
      { heads: HEADS },
    );
    expect(even).toMatchObject({ columnsIn: 'head', columns: [{ from: 0, to: 30, what: 'even columns' }] });
  });

  test('columns that are right by chance do not cut a part in two; a third of the columns is no part', () => {
    const gaps = find(each((value, i) => (i >= 50 && i < 150 && i !== 70 && i !== 111 ? -value : value)));
    expect(gaps.columns).toEqual([{ from: 50, to: 149, what: null }]);
    const short = find(each((value, i) => (i >= 50 && i < 60 && i !== 54 ? -value : value)));
    expect(short.columns).toEqual([{ from: 50, to: 59, what: null }]);
    const third = find(each((value, i) => (i % 3 ? value : -value)));
    expect(third.columns).toEqual([]);
    expect(third.text).toMatch(/34% of the values, scattered; they have the right magnitudes and the wrong sign$/);
  });

  test('an error ten times the limit, and one barely over it', () => {
    const next = normal(5);
    const small = find(from1(each((value, i) => (i < 64 ? value + 1e-4 * next() : value))), { seed: 3 });
    expect(small).toMatchObject({ tokens: [[1, 8]], columns: [{ from: 0, to: 63 }] });
    expect(small.share).toBeGreaterThan(0.2);
    const barely = find(from1(each((value) => value + 1.3e-5 * next())));
    expect(barely).toMatchObject({ tokens: [[1, 8]], kind: { kind: 'mixed' } });
  });

  test('rounding beside an error is no error', () => {
    const next = normal(6);
    const rows = stage((row, token) => row.map((v, i) => (token > 4 && i < 64 ? -v : v) * (1 + 2e-6 * next())), {
      rounding: 0,
    });
    const where = locate(rows, { limit: LIMIT });
    expect(where).toMatchObject({ tokens: [[5, 8]], columns: [{ from: 0, to: 63 }], kind: { kind: 'factor' } });
    expect(where.share).toBeCloseTo(1 / 4, 2);
  });

  test('an outlier rounds by its own size', () => {
    const rows = stage((row) => row).map(({ token, reference }) => {
      const right = reference.with(7, 300);
      const rounded = right.with(7, 300 * (1 + 0.9 * LIMIT));
      return { token, reference: right, candidate: token === 3 ? right.map((value) => -value) : rounded };
    });
    expect(locate(rows, { limit: LIMIT }).tokens).toEqual([[3, 3]]);
  });

  test('a few times the limit, where a column is off in every row', () => {
    const off = (i: number) => (i < 64 ? 5 * LIMIT : i > 191 ? 12 * LIMIT : 0);
    const where = find(each((value, i, token) => value + (token ? 1 : 3) * off(i)));
    expect(where.columns).toEqual([
      { from: 0, to: 63, what: 'blocks 0 and 1 of 32 values: one group of 64' },
      { from: 192, to: 255, what: 'blocks 6 and 7 of 32 values: one group of 64' },
    ]);
  });

  test('a few times the limit, each row in another column', () => {
    const rows = stage((row) => row).map(({ token, reference, candidate }) => ({
      token,
      reference: reference.with(20 * token, 300),
      candidate: candidate.with(20 * token, 300 * (1 + 4 * LIMIT)),
    }));
    const where = locate(rows, { limit: LIMIT });
    expect(where).toMatchObject({ wrongRows: 9, share: 1 / WIDTH, columns: [], kind: { kind: 'factor' } });
  });

  test('heads that are wrong in different parts', () => {
    const where = find(
      each((value, i) => (i % HEAD < 16 === i < HEAD && i < 2 * HEAD ? -value : value)),
      { heads: HEADS },
    );
    expect(where).toMatchObject({
      heads: [[0, 1]],
      columnsIn: 'row',
      columns: [
        { from: 0, to: 15 },
        { from: 48, to: 63 },
      ],
    });
    expect(where.text).toBe(
      'every row is wrong, in heads 0 to 1 of 8, only columns 0 to 15 and 48 to 63 of the row; they are negated',
    );
  });

  test('the ends of a row are right by chance in one row, not in nine', () => {
    const wrong = each((value, i) => (i > 1 ? -value : value));
    expect(find(wrong, { tokens: 1 }).columns).toMatchObject([{ from: 0, to: WIDTH - 1 }]);
    expect(find(wrong).columns).toEqual([{ from: 2, to: WIDTH - 1, what: null }]);
  });

  test('beside a large error, what is just over the limit is rounding', () => {
    const next = normal(12);
    const where = find(each((v, i, token) => (token === 5 ? (i < 64 ? -v : v + 1.5 * LIMIT * next()) : v)));
    expect(where).toMatchObject({ tokens: [[5, 5]], columns: [{ from: 0, to: 63 }], share: 1 / 4 });
  });

  test('no row over the limit: the worst one', () => {
    const next = normal(7);
    const where = find(each((value, _, token) => value + (token === 4 ? 5e-6 : 1e-7) * next()));
    expect(where).toMatchObject({ tokens: [[4, 4]], wrongRows: 1, kind: { kind: 'mixed' } });
    expect(where.text).toMatch(/^no row is over the limit, the worst is token 4, /);
  });

  test('nothing differs', () => {
    const where = locate(
      stage((row) => row, { rounding: 0 }),
      { limit: LIMIT, heads: HEADS },
    );
    expect(where).toMatchObject({ tokens: [], wrongRows: 0, share: 0, columns: [], kind: { kind: 'few', count: 0 } });
    expect(where.text).toBe('no value differs');
  });

  test('what cannot be compared is refused', () => {
    expect(() => locate([], { limit: LIMIT })).toThrow(/no rows/);
    const rows = [...stage((row) => row), { token: 9, candidate: new Float32Array(2), reference: new Float32Array(3) }];
    expect(() => locate(rows, { limit: LIMIT })).toThrow(
      /token 9 has 2 values in the candidate and 3 in the reference/,
    );
  });
});

describe('of what kind', () => {
  const swap = (order: (i: number) => number): Wrong => from1((row) => row.map((_, i) => row[order(i)] as number));
  const inHead = (order: (i: number) => number): Wrong => swap((i) => i - (i % HEAD) + order(i % HEAD));
  const byHead = (order: (head: number) => number): Wrong =>
    swap((i) => order(Math.floor(i / HEAD)) * HEAD + (i % HEAD));
  const shuffled = (seed: number, size: number) => {
    const next = random(seed);
    return Array.from({ length: size }, (_, i) => [next(), i] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, i]) => i);
  };

  test('not finite', () => {
    const where = find(
      each((v, i, token) => (token === 2 && i < 3 ? Number.NaN : token === 4 && i === 9 ? -1 / 0 : v)),
    );
    expect(where.kind).toEqual({
      kind: 'nonfinite',
      nan: { candidate: 3, reference: 0 },
      inf: { candidate: 1, reference: 0 },
    });
    expect(where.tokens).toEqual([
      [2, 2],
      [4, 4],
    ]);
    expect(where.text).toMatch(/among them are 3 NaN and 1 Inf of the candidate$/);
  });

  test('an explanation may leave 2% of the error, whatever the limit is', () => {
    const next = normal(13);
    expect(find(each((value) => 2 * value + 0.01 * next())).kind.kind).toBe('factor');
    expect(find(each((value) => 2 * value + 0.1 * next())).kind.kind).toBe('mixed');
  });

  test('the next row, and after the last one whatever memory held', () => {
    const next = normal(14);
    const { kind } = find((row, token, all) => all[token + 1] ?? row.map(next));
    expect(kind).toEqual({ kind: 'other-row', shift: 1, token: null });
    const most = find((row, token, all) => all[token + 6] ?? row.map(next));
    expect(most.kind.kind).toBe('uncorrelated');
  });

  test('nothing but NaN', () => {
    const where = find(
      each((v, i) => (i < 32 ? Number.NaN : v)),
      { heads: HEADS },
    );
    expect(where.text).toBe('every row is wrong, in head 0 of 8, every value; they are NaN');
    expect(where.share).toBe(1 / 8);
  });

  test('only the reference is not finite', () => {
    const rows = stage((row) => row.slice());
    (rows[3] as RowPair).reference[5] = Number.NaN;
    expect(locate(rows, { limit: LIMIT }).text).toBe(
      'only token 3 is wrong, only column 5; among them are 1 NaN of the reference',
    );
    expect(locate(rows, { limit: LIMIT, stage: 'kq' }).wrongRows).toBe(1);
    expect(locate(rows, { limit: LIMIT, stage: 'kq' }).kind.kind).not.toBe('nonfinite');
  });

  test('a few values are listed', () => {
    const where = find(each((value, i, token) => (token === 3 && i > 252 ? 0 : value)));
    expect(where.kind).toMatchObject({ kind: 'few', count: 3 });
    expect(where.text).toMatch(
      /^only token 3 is wrong, only columns 253 to 255; they are 0 instead of \S+ at token 3, index 253, 0 /,
    );
  });

  test.each([
    ['zero', each((value, i) => (i < 64 ? 0 : value)), { kind: 'zero' }],
    ['a factor', each((value) => 0.25 * value), { kind: 'factor', factor: expect.closeTo(0.25, 6) }],
    ['negated', each((value) => -value), { kind: 'factor', factor: expect.closeTo(-1, 6) }],
    ['a factor of nearly 1', each((value) => 1.0001 * value), { kind: 'factor', factor: expect.closeTo(1.0001, 7) }],
    ['an offset', each((value) => value + 0.5), { kind: 'offset', offset: expect.closeTo(0.5, 6) }],
    ['a small offset', each((value) => value + 1e-4), { kind: 'offset', offset: expect.closeTo(1e-4, 7) }],
    [
      'a factor per row',
      each((value, _, token) => (1 + token / 8) * value),
      { kind: 'factor-per-row', from: expect.closeTo(1.125, 5), to: expect.closeTo(2, 5) },
    ],
    [
      'a factor per head',
      each((value, i) => (1 + Math.floor(i / HEAD)) * value),
      { kind: 'factor-per-head', from: expect.closeTo(2, 5), to: expect.closeTo(8, 5) },
    ],
    [
      'a factor per head of each row',
      each((value, i, token) => (2 + Math.sin(token * 8 + Math.floor(i / HEAD))) * value),
      { kind: 'factor-per-row-and-head' },
    ],
    ['a factor per column', each((value, i) => (2 + Math.sin(i * i)) * value), { kind: 'factor-per-column' }],
    ['an offset per column', each((value, i) => value + Math.sin(i * i)), { kind: 'offset-per-column' }],
    [
      'an offset per row',
      each((value, _, token) => value + token - 4.5),
      { kind: 'offset-per-row', from: expect.closeTo(-4.5, 5), to: expect.closeTo(3.5, 5) },
    ],
    [
      'the next row',
      (row: Float32Array, t: number, all) => all[t + 1] ?? row,
      { kind: 'other-row', shift: 1, token: null },
    ],
    ['two rows before', (row: Float32Array, t: number, all) => all[t - 2] ?? row, { kind: 'other-row', shift: -2 }],
    [
      'always the last row',
      (_, __, all) => all[TOKENS - 1] as Float32Array,
      { kind: 'other-row', shift: null, token: 8 },
    ],
    ['heads collapsed', byHead(() => 0), { kind: 'other-head' }],
    [
      'any order in a head',
      inHead((i) => shuffled(3, HEAD)[i] as number),
      { kind: 'permutation', within: 'head', order: null },
    ],
    [
      'any order in a row',
      swap((i) => shuffled(4, WIDTH)[i] as number),
      { kind: 'permutation', within: 'row', order: null },
    ],
    [
      'signs here and there',
      each((value, i, token) => (random(i * 31 + token)() < 0.5 ? -value : value)),
      { kind: 'sign' },
    ],
  ] as const satisfies readonly (readonly [string, Wrong, object])[])('%s', (_, wrong, kind) => {
    expect(find(wrong, { heads: HEADS }).kind).toMatchObject(kind);
  });

  test('any order over the rows', () => {
    const order = shuffled(5, TOKENS * WIDTH);
    const wrong: Wrong = (row, token, all) =>
      row.map((_, i) => {
        const from = order[token * WIDTH + i] as number;
        return all[Math.floor(from / WIDTH)]?.[from % WIDTH] as number;
      });
    expect(find(wrong).kind).toEqual({ kind: 'permutation', within: 'values', order: null });
  });

  test.each([
    ['head', 'halves instead of adjacent pairs', inHead((i) => (i < 16 ? 2 * i : 2 * (i - 16) + 1))],
    ['head', 'adjacent pairs instead of halves', inHead((i) => (i % 2) * 16 + (i >> 1))],
    ['head', 'transposed as 4 × 8', inHead((i) => (i % 4) * 8 + (i >> 2))],
    ['head', 'reversed', inHead((i) => HEAD - 1 - i)],
    ['head', 'rotated by 3', inHead((i) => (i + HEAD - 3) % HEAD)],
    ['row', 'heads tiled instead of grouped, 2 groups of 4', byHead((head) => (head % 2) * 4 + (head >> 1))],
    ['row', 'heads 1 and 6 exchanged', byHead((head) => (head === 1 ? 6 : head === 6 ? 1 : head))],
    ['row', 'heads reversed', byHead((head) => 7 - head)],
    ['row', 'heads rotated by 2', byHead((head) => (head + 6) % 8)],
    ['row', 'heads in the order 0, 3, 1, 2, 4, 5, 6, 7', byHead((head) => [0, 3, 1, 2, 4, 5, 6, 7][head] as number)],
    ['row', 'rotated by -5', swap((i) => (i + 5) % WIDTH)],
    ['row', 'transposed as 8 × 32', swap((i) => (i % 8) * 32 + (i >> 3))],
    [
      'block',
      'adjacent pairs instead of halves in each block of 64',
      swap((i) => i - (i % 64) + (i % 2) * 32 + ((i % 64) >> 1)),
    ],
  ] as const)('order within the %s: %s', (within, order, wrong) => {
    const where = find(wrong, { heads: HEADS });
    expect(where.kind).toEqual({ kind: 'permutation', within, order });
    const inHead = within === 'head' ? ' in each head' : '';
    expect(where.text).toContain(`they are the right values in another order (${order}${inHead})`);
  });

  test('an order must hold in every row, not only in those it is tried on first', () => {
    const next = normal(15);
    const mostly = each((_, i, token, row) => (token % 5 < 4 ? (row[WIDTH - 1 - i] as number) : next()));
    expect(find(mostly, { tokens: 40 }).kind.kind).toBe('uncorrelated');
    const order = shuffled(6, WIDTH);
    const sometimes = each((_, i, token, row) => (token % 10 ? next() : (row[order[i] as number] as number)));
    expect(find(sometimes, { tokens: 40 }).kind.kind).toBe('uncorrelated');
  });

  test('heads that hold those of others, in words', () => {
    const where = find(
      byHead((head) => (head === 5 ? 2 : head)),
      { heads: HEADS },
    );
    expect(where.kind).toEqual({ kind: 'other-head', heads: [{ head: 5, holds: 2 }] });
    expect(where.text).toBe(
      'every row but token 0 is wrong, in head 5 of 8, every value; they are the right values of other heads: head 5 holds those of head 2',
    );
  });

  test('other rows, in words', () => {
    const text = (wrong: Wrong) => find(wrong).text;
    expect(text((row, t, all) => all[t + 1] ?? row)).toBe(
      'every row but token 8 is wrong, every value; they are the right values of the next row',
    );
    expect(text((row, t, all) => all[t - 3] ?? row)).toMatch(
      /^tokens 3 to 8 .*; they are the right values of the row 3 earlier$/,
    );
    expect(text((row, t, all) => (t === 4 ? (all[2] as Float32Array) : row))).toMatch(
      /^only token 4 .* values of token 2$/,
    );
  });

  test('heads in wrong order beside right ones, where the limit is that of quantised activations', () => {
    const next = normal(8);
    const order = byHead((head) => [0, 1, 3, 2, 4, 5, 6, 7][head] as number);
    const rows = stage((row, t, all) => Array.from(order(row, t, all), (value) => value + 0.01 * next()));
    expect(locate(rows, { limit: 0.04, heads: HEADS })).toMatchObject({
      tokens: [[1, 8]],
      heads: [[2, 3]],
      kind: { kind: 'permutation', order: 'heads 2 and 3 exchanged' },
    });
  });

  test('a mask: what it hides is not compared', () => {
    const nKv = 16;
    const mask = (row: Float32Array, token: number) => row.map((v, i) => (i % nKv > token ? Number.NaN : v));
    const rows = stage((row, token) => mask(row, token).map((value) => value / 8), { tokens: nKv, width: 4 * nKv }).map(
      (row) => ({ ...row, reference: mask(row.reference, row.token) }),
    );
    const where = locate(rows, { limit: LIMIT, heads: 4, stage: 'kq' });
    expect(where).toMatchObject({ heads: [[0, 3]], share: 1, kind: { kind: 'factor' } });
    expect(where.text).toBe('every row is wrong, in all 4 heads, every value; they are 0.125 times the right ones');
    rows[2]?.candidate.fill(5, 3, nKv); // not masked yet: llama.cpp masks in the next node
    expect(locate(rows, { limit: LIMIT, heads: 4, stage: 'kq' })).toEqual(where);
  });
});

describe('noise is never called anything specific', () => {
  const specific = (rows: readonly RowPair[], limit: number, heads?: number) => {
    const { kind } = locate(rows, { limit, heads });
    return ['uncorrelated', 'mixed', 'few'].includes(kind.kind) ? [] : [kind];
  };
  const seeds = Array.from({ length: 24 }, (_, i) => 100 + i);
  const SHAPES = [
    { tokens: 1, width: 8 },
    { tokens: 3, width: 16 },
    { tokens: 5, width: 96 },
    { tokens: 2, width: 384 },
  ];

  test.each(SHAPES)('$tokens × $width, of any size', ({ tokens, width }) => {
    for (const seed of seeds) {
      const next = normal(seed + 1000);
      for (const size of [1e-4, 1e-3, 0.1, 1, 10]) {
        const added = stage(
          each((value) => value + size * next()),
          { tokens, width, seed },
        );
        expect(specific(added, LIMIT, 4), `seed ${seed}, ${size} added`).toEqual([]);
        const scaled = stage(
          each((value) => value * (1 + size * next())),
          { tokens, width, seed },
        );
        expect(specific(scaled, LIMIT, 4), `seed ${seed}, times ${size}`).toEqual([]);
        const other = stage(
          each(() => size * next()),
          { tokens, width, seed },
        );
        expect(specific(other, LIMIT), `seed ${seed}, another of size ${size}`).toEqual([]);
        expect(specific(other, 0.04, 4), `seed ${seed}, another of size ${size}, coarse limit`).toEqual([]);
      }
    }
  });

  // A single outlier makes up the sums of squares of its row, and of the whole stage.
  const withOutlier = (row: Float32Array, token: number) =>
    row.map((value, i) => (i === (token % 3) * 20 ? 300 : value));

  test('rounding in rows that one outlier makes up is no factor', () => {
    for (const seed of seeds) {
      const next = normal(seed + 3000);
      const rows = stage((row) => row, { tokens: 2, width: 64, seed }).map(({ token, reference }) => {
        const right = withOutlier(reference, token);
        return { token, reference: right, candidate: right.map((value) => value * (1 + 1e-7 * next())) };
      });
      expect(specific(rows, 0.04, 4), `seed ${seed}`).toEqual([]);
    }
  });

  test('an outlier that is clipped leaves values like those of any other row', () => {
    for (const seed of seeds) {
      const rows = stage((row) => row, { tokens: 3, width: 256, seed, rounding: 0 }).map(({ token, reference }) => {
        const right = reference.map((value, i) => (i % 25 === token ? 300 : value));
        return { token, reference: right, candidate: right.map((value) => Math.min(value, 2)) };
      });
      expect(locate(rows, { limit: 0.04 }).kind.kind, `seed ${seed}`).not.toBe('other-row');
    }
  });

  test('one wrong value in each row is no factor of each row', () => {
    const rows = stage((row) => row, { tokens: 16, rounding: 0 }).map(({ token, reference }) => {
      const right = reference.with(9, 300 + 10 * token).with(20, 5);
      return { token, reference: right, candidate: right.with(9, 200).with(20, token < 2 ? 4.5 : 5) };
    });
    expect(specific(rows, LIMIT)).toEqual([]);
  });

  test('sorted, what is of the same distribution looks the same: not at a coarse limit', () => {
    const next = normal(11);
    expect(find(each(next), { tokens: 2, width: 8192, limit: 0.04 }).kind.kind).toBe('uncorrelated');
  });

  test('another sample of the same distribution is uncorrelated', () => {
    for (const seed of seeds) {
      const next = normal(seed + 2000);
      expect(find(each(next), { seed, heads: HEADS }).kind.kind).toBe('uncorrelated');
    }
  });

  test('a likeness is measured', () => {
    const next = normal(9);
    const { kind, text } = find(each((value) => value + 0.5 * next()));
    expect(kind).toEqual({ kind: 'mixed', cosine: expect.closeTo(0.903, 3), rel: expect.closeTo(0.474, 2) });
    expect(text).toMatch(/they correlate with the right ones \(cosine 0\.9\d+, relative RMS delta 4\.\de-1\)$/);
  });
});

// Work that grew faster than the values would not come to its end here.
test('half a million values are looked at', () => {
  const next = normal(10);
  const values = Float32Array.from({ length: 1 << 16 }, next);
  const rows = Array.from({ length: 8 }, (_, token) => ({
    token,
    candidate: values.map((value, i) => value + (values[(i * 7 + token) % values.length] as number)),
    reference: values,
  }));
  expect(locate(rows, { limit: LIMIT, heads: 32 }).kind.kind).toBe('mixed');
});

describe('values of a shape', () => {
  const kindOf = (wrong: Wrong, options: Parameters<typeof find>[1] = {}) =>
    find(wrong, { rounding: 0, ...options }).kind;
  const text = (wrong: Wrong, options: Parameters<typeof find>[1] = {}) =>
    find(wrong, { rounding: 0, ...options }).text.replace(/^.*; /, '');
  const clip = (from: number, to: number) => each((value) => Math.min(Math.max(value, from), to));

  test('one number, everywhere or in each row', () => {
    expect(kindOf(each(() => 0.5))).toEqual({ kind: 'constant', value: 0.5 });
    expect(text(each((value, index) => (index >= 250 ? -3 : value)))).toBe('they are all -3');
    expect(kindOf(each((_, __, token) => 1 + token))).toEqual({ kind: 'constant-per-row', from: 1, to: 9 });
    expect(text(each((_, __, token) => 1 + token))).toBe('in each row they are one number, from 1 to 9');
    expect(kindOf(each((_, index, token) => 1 + token + (index === 7 ? 0.01 : 0))).kind).not.toMatch(/constant/);
  });

  test('cut off on both sides, or on one', () => {
    expect(kindOf(clip(-1.5, 1.5))).toEqual({ kind: 'clipped', from: -1.5, to: 1.5 });
    expect(text(clip(-1.5, 1.5))).toBe('they are cut off at ±1.5');
    expect(text(clip(-1, 2))).toBe('they are cut off at -1 and 2');
    expect(kindOf(clip(-9, 2))).toEqual({ kind: 'clipped', from: null, to: 2 });
    expect(text(clip(-1, 99))).toBe('they are cut off at -1, from below');
    // saturation that is no cut
    expect(kindOf(each((value) => 2 * Math.tanh(value / 2))).kind).toBe('mixed');
    // some values are at the bound, some are wrong otherwise
    expect(kindOf(each((value, index) => (index === 9 ? 0.7 : Math.min(value, 2)))).kind).not.toBe('clipped');
  });

  test('rounded to fewer bits or to steps', () => {
    expect(kindOf(each((value) => rounded(value, 'bf16')))).toEqual({ kind: 'rounded', to: 'bf16', step: null });
    expect(text(each((value) => rounded(value, 'f16')))).toBe('they are the right ones, rounded to f16');
    const steps = (step: number) => each((value) => step * Math.round(value / step));
    expect(kindOf(steps(0.125))).toEqual({ kind: 'rounded', to: 'steps', step: 0.125 });
    expect(text(steps(0.1))).toBe('they are the right ones, rounded to steps of 0.1');
    expect(kindOf(each((value) => 0.1 * Math.round(value / 0.1 + 2))).kind).not.toBe('rounded');
    expect(kindOf(each((value) => value + 0.001 * Math.sin(1e4 * value))).kind).not.toBe('rounded');
  });

  test('a fixed row too much, one of a few', () => {
    const biases = [0, 1, 2].map((seed) => Float32Array.from({ length: 128 }, normal(50 + seed)));
    const expert = (token: number, part: number) => (2 * token + part * (token % 2 ? 1 : 2)) % 3;
    const wrong = each((value, index, token) => value + (biases[expert(token, index >> 7)]?.[index % 128] as number));
    expect(kindOf(wrong)).toEqual({ kind: 'plus-one-of', rows: 3, parts: 2 });
    expect(text(wrong)).toBe('each of the 2 parts of a row is the right one plus one of 3 fixed rows');
    expect(kindOf(each((value, index, token) => value + Math.sin(index * token))).kind).not.toBe('plus-one-of');
  });
});

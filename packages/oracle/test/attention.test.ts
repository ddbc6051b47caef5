import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { type Attention, kq, kqv, kvHeadOf, softMax } from '../src/index.js';

const f = (...values: number[]) => Float64Array.from(values);
const next = seeded();
const random = (length: number) => Float64Array.from({ length }, () => next() * 2 - 1);
const one: Attention = { headCount: 1, headCountKv: 1, headDim: 2, firstPosition: 0 };

test('consecutive query heads share a KV head', () => {
  const heads = (headCount: number, headCountKv: number) =>
    Array.from({ length: headCount }, (_, head) => kvHeadOf(head, { ...one, headCount, headCountKv }));
  expect(heads(8, 2)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  expect(heads(3, 3)).toEqual([0, 1, 2]);
  expect(heads(4, 1)).toEqual([0, 0, 0, 0]);
});

describe('kq', () => {
  test('is q · k unscaled, and NaN ahead of the row', () => {
    const scores = kq(f(1, 2, /**/ 3, 4), f(5, 6, /**/ 7, 8), one);
    expect(scores).toEqual(f(17, Number.NaN, /**/ 39, 53));
  });
  test('a decode row sees the whole cache', () => {
    expect(kq(f(1, 2), f(5, 6, 7, 8), { ...one, firstPosition: 1 })).toEqual(f(17, 23));
  });
  test('reads the KV head of its group', () => {
    const a = { ...one, headCount: 4, headCountKv: 2 };
    const q = f(1, 0, /**/ 1, 0, /**/ 1, 0, /**/ 1, 0);
    expect(kq(q, f(10, 0, /**/ 20, 0), a)).toEqual(f(10, 10, 20, 20));
  });
});

describe('softMax', () => {
  test('e^scaled over their sum', () => {
    const p = softMax(f(0, 2 * Math.log(3)), 2, 0.5, { ...one, firstPosition: 1 });
    expect(p[0]).toBeCloseTo(0.25, 15);
    expect(p[1]).toBeCloseTo(0.75, 15);
  });
  test('every row sums to 1, and what is ahead of it is 0', () => {
    const a = { ...one, headCount: 2 };
    const p = softMax(random(3 * 2 * 3), 3, 1, a);
    for (let row = 0; row < 6; row++) {
      const token = row >> 1;
      const weights = p.subarray(row * 3, row * 3 + 3);
      expect(weights.reduce((x, y) => x + y)).toBeCloseTo(1, 14);
      expect(weights.every((weight, position) => (position <= token ? weight > 0 : weight === 0))).toBe(true);
    }
  });
  test('does not overflow, and a shift of all scores cancels', () => {
    const a = { ...one, firstPosition: 2 };
    const p = softMax(f(1e4, 1e4 - 1, -1e4), 3, 1, a);
    expect(p[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
    expect(p[2]).toBe(0);
  });
  test('a NaN score that is seen makes the row NaN', () => {
    expect(softMax(f(Number.NaN, 0), 2, 1, { ...one, firstPosition: 1 })).toEqual(f(Number.NaN, Number.NaN));
  });
});

describe('kqv', () => {
  test('weighs the values, each head with those of its group', () => {
    const a = { ...one, headCount: 2, firstPosition: 1 };
    const v = f(1, 2, /**/ 3, 4); // two positions, one KV head
    expect(kqv(f(0.5, 0.5, /**/ 0, 1), v, a)).toEqual(f(2, 3, /**/ 3, 4));
  });
  test('never reads ahead of the row, whatever is there', () => {
    const p = kqv(f(1, 0, /**/ 0.5, 0.5), f(1, 2, /**/ Number.NaN, 4), one);
    expect(p.subarray(0, 2)).toEqual(f(1, 2));
    expect(p[2]).toBeNaN();
  });
});

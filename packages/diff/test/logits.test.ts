import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { compareLogits, highest, klDivergence } from '../src/index.js';

const row = (...values: number[]) => Float32Array.from(values);

describe('the highest logits', () => {
  test('highest first', () => {
    expect(highest(row(3, -1, 7, 5), 2)).toEqual([
      { id: 2, logit: 7 },
      { id: 3, logit: 5 },
    ]);
    expect(highest(row(1), 5)).toEqual([{ id: 0, logit: 1 }]);
  });
  test('of equal ones the lower id, wherever they come', () => {
    expect(highest(row(2, 9, 9, 2, 2), 4).map(({ id }) => id)).toEqual([1, 2, 0, 3]);
  });
  test('never NaN', () => {
    expect(highest(row(Number.NaN, 1, Number.NaN, 2), 3).map(({ id }) => id)).toEqual([3, 1]);
    expect(highest(row(Number.NaN), 3)).toEqual([]);
  });
  test('the same as sorting', () => {
    const random = seeded();
    const logits = Float32Array.from({ length: 1000 }, () => Math.round(random() * 50));
    const sorted = [...logits].map((logit, id) => ({ id, logit })).sort((a, b) => b.logit - a.logit || a.id - b.id);
    expect(highest(logits, 20)).toEqual(sorted.slice(0, 20));
  });
});

describe('KL divergence', () => {
  test('by hand: p = (½, ½), q = (¼, ¾)', () => {
    const divergence = klDivergence(row(0, 0), row(0, Math.log(3)));
    expect(divergence).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 6);
  });
  test('is 0 for the same distribution, also when the logits are shifted or huge', () => {
    expect(klDivergence(row(1, 2, 3), row(1, 2, 3))).toBe(0);
    expect(klDivergence(row(1, 2, 3), row(101, 102, 103))).toBeCloseTo(0, 12);
    expect(klDivergence(row(5000, 0), row(5000, 0))).toBe(0);
  });
  test('what p excludes does not count', () => {
    expect(klDivergence(row(0, Number.NEGATIVE_INFINITY), row(0, 0))).toBeCloseTo(Math.log(2), 12);
  });
});

describe('the summary', () => {
  test('top 1, its margin, and both top lists', () => {
    const summary = compareLogits(row(1, 4, 3.5), row(1, 3.5, 4), 2);
    expect(summary).toMatchObject({ top1Agree: false, top1Margin: 0.5 });
    expect(summary.topK.candidate.map(({ id }) => id)).toEqual([1, 2]);
    expect(summary.topK.reference.map(({ id }) => id)).toEqual([2, 1]);
    expect(compareLogits(row(1, 4), row(2, 5)).top1Agree).toBe(true);
  });
  test('logits that are no numbers do not agree, even with themselves', () => {
    const nothing = row(Number.NaN, Number.NaN);
    expect(compareLogits(nothing, nothing).top1Agree).toBe(false);
    expect(compareLogits(nothing, row(1, 2)).top1Agree).toBe(false);
    expect(compareLogits(row(1, 2), nothing).top1Agree).toBe(false);
  });
});

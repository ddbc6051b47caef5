import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { MetricSums } from '../src/index.js';

function metricsOf(a: readonly number[], b: readonly number[], masked = false) {
  const sums = new MetricSums();
  sums.add(Float32Array.from(a), Float32Array.from(b), 0, masked ? () => true : undefined);
  return sums.metrics();
}

describe('metrics, computed by hand', () => {
  test('a = (1, 2, 2), b = (1, 2, 4)', () => {
    const metrics = metricsOf([1, 2, 2], [1, 2, 4]);
    expect(metrics.count).toBe(3);
    expect(metrics.rms).toBeCloseTo(2 / Math.sqrt(3), 12); // √(4 / 3)
    expect(metrics.rel).toBeCloseTo(2 / Math.sqrt(21), 12); // ‖a−b‖ = 2, ‖b‖² = 21
    expect(metrics.maxAbs).toBe(2);
    expect(metrics.worst).toEqual({ token: 0, index: 2 });
    expect(metrics.cosine).toBeCloseTo(13 / (3 * Math.sqrt(21)), 12); // ⟨a,b⟩ = 13, ‖a‖ = 3
    expect(metrics.sqnr).toBeCloseTo(10 * Math.log10(21 / 4), 12);
    expect(metrics.distance).toBeCloseTo(1 - 26 / 30, 12);
  });

  test('the same: no difference, infinite SQNR', () => {
    const metrics = metricsOf([1, -2, 3], [1, -2, 3]);
    expect(metrics).toMatchObject({ rms: 0, rel: 0, maxAbs: 0, worst: null, sqnr: Number.POSITIVE_INFINITY });
    expect(metrics.cosine).toBeCloseTo(1, 12);
    expect(metrics.distance).toBeCloseTo(0, 12);
  });

  test('twice as large: the cosine is blind to it, the distance is not', () => {
    const metrics = metricsOf([2, 4], [1, 2]);
    expect(metrics.cosine).toBeCloseTo(1, 12);
    expect(metrics.rel).toBeCloseTo(1, 12);
    expect(metrics.distance).toBeCloseTo(0.2, 12); // 1 − 2·10 / (20 + 5)
  });

  test('zeros on one side or on both', () => {
    expect(metricsOf([0, 0], [3, 4])).toMatchObject({ rel: 1, cosine: 0, distance: 1, sqnr: 0 });
    expect(metricsOf([3, 4], [0, 0])).toMatchObject({ rel: Number.POSITIVE_INFINITY, cosine: 0, distance: 1 });
    expect(metricsOf([0, 0], [0, 0])).toMatchObject({ rel: 0, cosine: 1, distance: 0, count: 2 });
    expect(metricsOf([], [])).toMatchObject({ count: 0, rel: 0, rms: 0 });
  });

  test('pieces add up to the whole', () => {
    const random = seeded();
    const a = Float32Array.from({ length: 64 }, () => random() - 0.5);
    const b = Float32Array.from({ length: 64 }, () => random() - 0.5);
    const whole = new MetricSums();
    whole.add(a, b, 3);
    const pieces = new MetricSums();
    for (const from of [0, 16, 32, 48]) pieces.add(a.subarray(from, from + 16), b.subarray(from, from + 16), from);
    expect(pieces.metrics().rel).toBeCloseTo(whole.metrics().rel, 12);
    expect(pieces.metrics().rms).toBeCloseTo(whole.metrics().rms, 12);
    expect(pieces.metrics().maxAbs).toBe(whole.metrics().maxAbs);
    expect(pieces.rows.map(({ token }) => token)).toEqual([0, 16, 32, 48]);
  });

  test('sums are f64: a small difference beside large values is not lost', () => {
    const large = Array.from({ length: 4096 }, () => 16384);
    const metrics = metricsOf([16384.5, ...large], [16384, ...large]);
    expect(metrics.rel).toBeCloseTo(0.5 / (16384 * Math.sqrt(4097)), 15);
  });
});

describe('what is no number', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

  test('on one side only is found, and counted apart', () => {
    expect(metricsOf([1, nan], [1, 2])).toMatchObject({
      nan: { candidate: 1, reference: 0 },
      firstNonFinite: { token: 0, index: 1 },
    });
    expect(metricsOf([1, 2], [nan, 2])).toMatchObject({
      nan: { candidate: 0, reference: 1 },
      firstNonFinite: { token: 0, index: 0 },
    });
    expect(metricsOf([-inf, 2], [1, 2])).toMatchObject({
      inf: { candidate: 1, reference: 0 },
      firstNonFinite: { token: 0, index: 0 },
    });
  });

  test('NaN on both sides is no agreement', () => {
    expect(metricsOf([nan], [nan]).firstNonFinite).toEqual({ token: 0, index: 0 });
  });

  test('the same infinity on both sides is one; another is not', () => {
    expect(metricsOf([-inf, 1], [-inf, 1])).toMatchObject({ firstNonFinite: null, rel: 0 });
    expect(metricsOf([-inf, 1], [inf, 1]).firstNonFinite).toEqual({ token: 0, index: 0 });
  });

  test('what the mask hides is not compared, whatever the candidate has there', () => {
    for (const hidden of [nan, -inf, 77]) {
      expect(metricsOf([1, hidden], [1, nan], true)).toMatchObject({ count: 1, rel: 0, firstNonFinite: null });
    }
    expect(metricsOf([1, nan], [1, 2], true).firstNonFinite).toEqual({ token: 0, index: 1 });
    expect(metricsOf([1, 2], [nan, nan], true).count).toBe(0);
  });

  test('it leaves the other values measurable', () => {
    const metrics = metricsOf([nan, 3], [1, 4]);
    expect(metrics.rel).toBeCloseTo(1 / 4, 12);
    expect(metrics.maxAbs).toBe(1);
  });
});

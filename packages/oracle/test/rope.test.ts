import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { type Rotation, rope, ropeAngle } from '../src/index.js';

const plain: Rotation = { headDim: 6, ropeFreqBase: 10000, ropeFreqScale: 1 };
const next = seeded();
const random = (length: number) => Float64Array.from({ length }, () => next() * 2 - 1);
const close = (got: Float64Array, want: Float64Array) =>
  got.forEach((x, i) => {
    expect(x).toBeCloseTo(want[i] as number, 12);
  });

describe('ropeAngle', () => {
  test('falls from the position itself by base^(2 / headDim) from pair to pair', () => {
    expect(ropeAngle(7, 0, plain)).toBe(7);
    expect(ropeAngle(7, 1, plain)).toBeCloseTo(7 / 10000 ** (1 / 3), 14);
    expect(ropeAngle(7, 2, plain)).toBeCloseTo(7 / 10000 ** (2 / 3), 14);
  });
  test('linear scaling multiplies and a factor divides', () => {
    expect(ropeAngle(8, 0, { ...plain, ropeFreqScale: 0.25 })).toBe(2);
    expect(ropeAngle(8, 1, { ...plain, factors: [1, 8, 32] })).toBeCloseTo(ropeAngle(1, 1, plain), 14);
  });
});

describe('rope', () => {
  test('turns a neighbour pair counter-clockwise', () => {
    const r = { headDim: 2, ropeFreqBase: 10000, ropeFreqScale: 1 };
    close(rope(Float64Array.of(1, 0), 2, 1, r), Float64Array.of(Math.cos(1), Math.sin(1)));
    close(rope(Float64Array.of(0, 1), 2, 1, r), Float64Array.of(-Math.sin(1), Math.cos(1)));
  });
  test('pairs neighbours, not halves', () => {
    const y = rope(Float64Array.of(1, 0, 0, 0), 4, 3, { ...plain, headDim: 4 });
    close(y, Float64Array.of(Math.cos(3), Math.sin(3), 0, 0));
  });
  test('is the identity at position 0', () => {
    const x = random(12);
    close(rope(x, 12, 0, plain), x);
  });
  test('keeps the norm of every pair', () => {
    const x = random(36);
    const y = rope(x, 12, 5, plain);
    for (let i = 0; i < x.length; i += 2) {
      expect(Math.hypot(...y.subarray(i, i + 2))).toBeCloseTo(Math.hypot(...x.subarray(i, i + 2)), 14);
    }
  });
  test('row t of a run is the first row of a run that begins t later', () => {
    const x = random(36);
    close(rope(x, 12, 5, plain).subarray(24), rope(x.slice(24), 12, 7, plain));
  });
  test('every head turns alike', () => {
    const head = random(6);
    const y = rope(Float64Array.of(...head, ...head), 12, 9, plain);
    expect(y.subarray(0, 6)).toEqual(y.subarray(6));
  });
  test('q · k depends on the distance alone', () => {
    const [q, k] = [random(6), random(6)];
    const score = (at: number, from: number) => {
      const [a, b] = [rope(q, 6, at, plain), rope(k, 6, from, plain)];
      return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    };
    expect(score(12, 4)).toBeCloseTo(score(108, 100), 11);
    expect(Math.abs(score(12, 4) - score(12, 5))).toBeGreaterThan(1e-9);
  });
});

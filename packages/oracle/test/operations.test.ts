import { describe, expect, test } from 'vitest';
import { add, addBias, argmax, getRows, matMul, mul, rmsNorm, silu, swiglu } from '../src/index.js';

const f = (...values: number[]) => Float64Array.from(values);

test('getRows looks rows up in the order of the ids, and an id may come twice', () => {
  const table = [f(1, 2), f(3, 4), f(5, 6)];
  expect(getRows((id) => table[id] as Float64Array, [2, 0, 2])).toEqual(f(5, 6, 1, 2, 5, 6));
});

describe('rmsNorm', () => {
  test('divides by the root mean square, row by row', () => {
    const y = rmsNorm(f(3, 4, 6, 8), 2, 0);
    expect(y[0]).toBeCloseTo(3 / Math.sqrt(12.5), 15);
    expect(y[3]).toBeCloseTo(4 / Math.sqrt(12.5), 15);
  });
  test('epsilon is inside the root, and carries a row of zeros', () => {
    expect(rmsNorm(f(2), 1, 12)).toEqual(f(0.5)); // 2 / √(4 + 12)
    expect(rmsNorm(f(0, 0), 2, 1e-5)).toEqual(f(0, 0));
  });
});

test('mul and addBias use the same vector for every row, add goes element by element', () => {
  expect(mul(f(1, 2, 3, 4), f(10, 20))).toEqual(f(10, 40, 30, 80));
  expect(addBias(f(1, 2, 3, 4), f(10, 20))).toEqual(f(11, 22, 13, 24));
  expect(add(f(1, 2, 3, 4), f(10, 20, 30, 40))).toEqual(f(11, 22, 33, 44));
});

test('matMul takes the weight by output: (2 × 3) · (4 × 3)ᵀ', () => {
  const weight = f(1, 0, 0, /**/ 0, 1, 0, /**/ 0, 0, 1, /**/ 1, 1, 1);
  expect(matMul(f(1, 2, 3, /**/ 4, 5, 6), weight, 3)).toEqual(f(1, 2, 3, 6, /**/ 4, 5, 6, 15));
});

describe('swiglu', () => {
  test('silu(1) = σ(1), and silu(x) − silu(−x) = x', () => {
    expect(silu(1)).toBeCloseTo(0.7310585786300049, 15);
    for (const x of [0, 0.3, 5, 40]) expect(silu(x) - silu(-x)).toBeCloseTo(x, 14);
  });
  test('has the right limits', () => {
    expect(silu(1000)).toBe(1000);
    expect(silu(-1000)).toBe(-0);
  });
  test('activates the gate, not up', () => {
    expect(swiglu(f(1, 0), f(2, 7))).toEqual(f(2 * silu(1), 0));
  });
});

test('argmax takes the first of equal logits', () => {
  expect(argmax(f(1, 3, 3, -5))).toBe(1);
});

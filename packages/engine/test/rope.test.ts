import { describe, expect, test } from 'vitest';
import { ropeAngle } from '../../oracle/src/index.js';
import { ropeTable } from '../src/rope.js';

const U = 2 ** -24; // the largest relative rounding error of f32

const plain = { dims: 4, ropeFreqBase: 10000, ropeFreqScale: 1 };
const llama3Factors = Float32Array.from({ length: 64 }, (_, pair) => [1, 1.7, 8, 32][pair >> 4] as number);

describe('ropeTable', () => {
  test('is cosine and sine of each pair, position by position', () => {
    const table = ropeTable(plain, 2);
    const small = Math.fround(Math.fround(10000 ** -0.5));
    const row = [Math.cos(1), Math.sin(1), Math.cos(small), Math.sin(small)].map(Math.fround);
    expect([...table]).toEqual([1, 0, 1, 0, ...row]);
  });

  test('its first row turns nothing, whatever the factors', () => {
    const row = ropeTable({ dims: 128, ropeFreqBase: 500000, ropeFreqScale: 0.125 }, 1, llama3Factors);
    expect(row).toEqual(Float32Array.from({ length: 128 }, (_, i) => 1 - (i % 2)));
  });

  test('a longer table begins with the shorter one', () => {
    expect(ropeTable(plain, 100).subarray(0, 4 * 50)).toEqual(ropeTable(plain, 50));
  });

  // A pair's angle is a product of as many roundings as its number, twice: of the ratio, and of each step.
  // The twin has none, so they part as f32 does; on cos² + sin² = 1 they do not.
  test.each([
    { dims: 6, ropeFreqBase: 10000, ropeFreqScale: 1 },
    { dims: 64, ropeFreqBase: 10000, ropeFreqScale: 1 },
    { dims: 80, ropeFreqBase: 10000, ropeFreqScale: 0.25 },
    { dims: 128, ropeFreqBase: 500000, ropeFreqScale: 1, factors: llama3Factors },
  ])('$dims wide, base $ropeFreqBase, scale $ropeFreqScale: is the twin to within f32', ({ factors, ...config }) => {
    const positions = 4096;
    const table = ropeTable(config, positions, factors);
    const pairs = config.dims / 2;
    expect(table).toHaveLength(positions * config.dims);
    for (let position = 0; position < positions; position += position < 64 ? 1 : 61) {
      for (let pair = 0; pair < pairs; pair++) {
        const angle = ropeAngle(position, pair, { ...config, headDim: config.dims, factors });
        const bound = angle * (2 * pair + 4) * U + U;
        const at = 2 * (position * pairs + pair);
        const [cosine, sine] = [table[at] as number, table[at + 1] as number];
        expect(Math.abs(cosine - Math.cos(angle)), `cos, position ${position}, pair ${pair}`).toBeLessThanOrEqual(
          bound,
        );
        expect(Math.abs(sine - Math.sin(angle)), `sin, position ${position}, pair ${pair}`).toBeLessThanOrEqual(bound);
        expect(Math.abs(Math.hypot(cosine, sine) - 1)).toBeLessThanOrEqual(2 * U);
      }
    }
  });

  test('linear scaling by 4 turns position 4n as position n, and a factor does it for its pair alone', () => {
    const table = ropeTable(plain, 9);
    expect(ropeTable({ ...plain, ropeFreqScale: 0.25 }, 9).subarray(8 * 4)).toEqual(table.subarray(2 * 4, 3 * 4));
    const factored = ropeTable(plain, 9, Float32Array.of(1, 4)).subarray(8 * 4);
    expect(factored.subarray(0, 2)).toEqual(table.subarray(8 * 4, 8 * 4 + 2));
    expect(factored[2]).toBeCloseTo(table[2 * 4 + 2] as number, 7);
    expect(factored[3]).toBeCloseTo(table[2 * 4 + 3] as number, 7);
  });
});

import { randomFrom } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { isGridded } from '../../src/against/grid.js';
import { inMemory } from '../../src/against/matrix.js';

const random = randomFrom(1);
const floats = Float32Array.from({ length: 256 }, () => random() - 0.5);
const onGrid = (steps: number, factor = 1) => floats.map((value) => (factor * Math.round(value * steps)) / steps);
const matrix = (values: Float32Array) => inMemory('F32', 4, 64, values);
const gridded = (quantised: Float32Array, other: Float32Array) =>
  isGridded(matrix(quantised), matrix(other), [{ firstRow: 0, rows: 4 }]);

test('floats that were dequantised from few levels are told from those that were quantised', async () => {
  expect(await gridded(onGrid(15), onGrid(15, 1.1))).toBe(true);
  expect(await gridded(onGrid(15), floats)).toBe(false);
  expect(await gridded(onGrid(200), onGrid(200, 1.1))).toBe(false); // of many levels that cannot be told
});

import { seeded } from '@llama-probe/testing';
import { randomWeights } from '@llama-probe/testing/kernels';
import { afterAll, describe, expect, test } from 'vitest';
import { dequantizeRow } from '../../oracle/src/index.js';
import { openDequantizer } from '../src/dequantizer.js';
import { WEIGHT_TYPES, type WeightType } from '../src/products/mul-mat.js';
import { isWeightType } from '../src/weight-types.js';

const random = seeded();
const TYPES = Object.keys(WEIGHT_TYPES) as WeightType[];
const weights = await openDequantizer();
afterAll(() => weights.close());

/** Zeros of one sign: which one a zero has is a matter of the order of operations. */
const positive = (value: number): number => value + 0;

describe('rows by the engine’s kernels are what float64 makes of them', () => {
  test.each(TYPES)('%s', async (type) => {
    for (const { rows, columns } of [
      { rows: 5, columns: 512 },
      { rows: 67, columns: 256 }, // the buffers grow
      { rows: 1, columns: 256 }, // and what is in them of before is not seen
    ]) {
      const bytes = randomWeights({ type, rows, columns, tokens: 1 }, random);
      const got = await weights.rows(type, columns, bytes);
      const wanted = dequantizeRow(type, bytes, rows * columns);
      expect(got.map(positive)).toEqual(Float32Array.from(wanted, positive));
    }
  });

  test('of a row that is no multiple of anything', async () => {
    const bytes = randomWeights({ type: 'F32', rows: 3, columns: 37, tokens: 1 }, random);
    expect(await weights.rows('F32', 37, bytes)).toEqual(new Float32Array(bytes.buffer));
  });

  test('into memory that is there, in the order of the calls', async () => {
    const bytes = [1, 2].map(() => randomWeights({ type: 'F32', rows: 2, columns: 32, tokens: 1 }, random));
    const into = new Float32Array(100);
    const [first, second] = await Promise.all(
      bytes.map((some, i) => weights.rows('F32', 32, some, i ? into : undefined)),
    );
    expect(first).toEqual(new Float32Array((bytes[0] as Uint8Array).buffer));
    expect(second).toEqual(new Float32Array((bytes[1] as Uint8Array).buffer));
    expect(second?.buffer).toBe(into.buffer);
  });
});

test('a row that is larger than a binding fits in no call, and types without a kernel are known', () => {
  expect(weights.most('F32', 2 ** 40)).toBe(0);
  expect(weights.most('Q8_0', 256)).toBeGreaterThan(1000);
  expect([isWeightType('Q8_0'), isWeightType('I64'), isWeightType('toString')]).toEqual([true, false, false]);
});

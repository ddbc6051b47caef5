import { afterAll, describe, expect, test } from 'vitest';
import { openAdapter } from '../src/adapter/index.js';
import { createMulMat, WEIGHT_TYPES, type WeightType } from '../src/mul-mat.js';
import { type Case, randomFrom, runCase } from './mul-mat-case.js';

const opened = await openAdapter();
afterAll(() => opened.close());
const mulMat = createMulMat(opened.device, opened.info);
const random = randomFrom(Date.now());

describe.each(Object.keys(WEIGHT_TYPES) as WeightType[])('%s', (type) => {
  test.each<Omit<Case, 'type'>>([
    { rows: 7, columns: 256, tokens: 1 },
    { rows: 65, columns: 512, tokens: 5 },
  ])('%o', async (shape) => {
    const { relative } = await runCase(opened.device, mulMat, { type, ...shape }, random);
    opened.check();
    expect(relative).toBeLessThan(1e-6);
  });
});

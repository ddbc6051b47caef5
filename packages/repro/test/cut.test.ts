import type { SickCase } from '@llama-probe/comparison';
import { describe, expect, test } from 'vitest';
import { computeStage } from '../../oracle/src/index.js';
import { casesOf, tiny } from '../../oracle/test/tiny-model.js';
import { cutDown, limitBetween } from '../src/cut.js';
import { errorOf, selections } from '../src/recipe/selection.js';
import { isFeasible } from '../src/recipe/size.js';

const CASES = casesOf(tiny(['F32'], {})).filter(({ c }) => c.layer !== 0 && c.step === 0);

/** A stage with one of its values, or all, made wrong. */
function sickCase(stage: string, change: (value: number, i: number) => number): SickCase {
  const found = CASES.find(({ c }) => c.stage === stage);
  if (!found) throw new Error(stage);
  const right = Float32Array.from(computeStage(found.c));
  const limits = { rel: 1e-5, row: 4e-5, value: 1e-4 };
  const fault = { stage, layer: 1, step: 0, token: null, limits };
  return { fault, case: found.c, sick: right.map(change), right };
}

describe('a fault is cut down', () => {
  test('to a few columns around its worst value', async () => {
    const width = 512;
    const sick = sickCase('ffn_swiglu', (value, i) => (i === 3 * width + 77 ? value + 1 : value));
    const { selection, distances } = await cutDown(sick, true);
    expect(selection.rows).toEqual([3]);
    expect(selection.columns).toHaveLength(4);
    expect(selection.columns).toContain(77);
    expect(distances?.wrong).toBeGreaterThan(distances?.limit as number);
    expect(distances?.right).toBeLessThan(distances?.limit as number);
  });

  test('to one head, of which the cache is whole', async () => {
    const sick = sickCase('kq', (value, i) => (Math.floor((i % (9 * 8)) / 9) === 5 ? 2 * value : value));
    const { selection, recipe } = await cutDown(sick, true);
    expect(selection.columns).toEqual(Array.from({ length: 9 }, (_, i) => 5 * 9 + i));
    expect(recipe?.inputs.map(({ name, rows, columns }) => [name, rows, columns])).toEqual([
      ['q_rope', 1, 32],
      ['k_rope.cache', 9, 128],
    ]);
  });

  test('to one row, where a row is computed as a whole', async () => {
    const { selection } = await cutDown(
      sickCase('ffn_rms', (value) => value * 1.1),
      true,
    );
    expect(selection.rows).toHaveLength(1);
    expect(selection.columns).toHaveLength(256);
  });

  test('not at all, where that is asked for', async () => {
    const { selection } = await cutDown(
      sickCase('l_out', (value) => value * 1.1),
      true,
      true,
    );
    expect(selection.rows).toHaveLength(9);
    expect(selection.columns).toHaveLength(256);
  });

  test('and is widened until the wrong rows can be told from the right ones', async () => {
    // llama.cpp's own rows are off in the values that are worst: only a wider part has room for both.
    const sick = sickCase('ffn_inp', (value) => value * 1.01);
    const right = sick.right.map((value, i) => (i % 256 < 4 ? value * 1.2 : value));
    const { selection, distances } = await cutDown({ ...sick, right }, true);
    expect(selection.columns.length).toBeGreaterThan(4);
    expect(distances === undefined || distances.right < distances.limit).toBe(true);
  });

  test('with values that are none as the worst of all', async () => {
    const sick = sickCase('attn_out', (value, i) => (i === 5 * 256 + 9 ? Number.NaN : value));
    const { selection, distances } = await cutDown(sick, true);
    expect(selection.rows).toEqual([5]);
    expect(selection.columns).toContain(9);
    expect(distances?.wrong).toBeNaN();
  });
});

test('a part that needs more weights than a test can have is not tried', async () => {
  const sick = sickCase('result_output', (value) => value * 1.01);
  const huge = 1 << 24;
  const model = {
    ...sick.case.model,
    weight: () => ({ type: 'F32', rows: huge, columns: huge, bytes: new Uint8Array() }) as const,
  };
  const failed = cutDown({ ...sick, case: { ...sick.case, model } }, true);
  await expect(failed).rejects.toMatchObject({ code: 'repro-inputs' });
  await expect(failed).rejects.toThrow('Capture the stages that lie between them');
  // Of one that is only large few columns are.
  const { c } = CASES.find(({ c }) => c.stage === 'q_proj') as (typeof CASES)[number];
  const large = {
    ...c,
    model: {
      ...c.model,
      weight: () => ({ type: 'F32', rows: 4096, columns: 1 << 20, bytes: new Uint8Array() }) as const,
    },
  };
  expect(isFeasible(large, { rows: [0], columns: [1, 2, 3, 4] })).toBe(true);
  expect(isFeasible(large, { rows: [0], columns: Array.from({ length: 64 }, (_, i) => i) })).toBe(false);
});

test('what a mask hides is no error, and what should be a number and is none is the largest', () => {
  const error = errorOf(Float32Array.of(1, 2, Number.NaN, 4), Float32Array.of(1, Number.NaN, 3, 2));
  expect([...error]).toEqual([0, Number.NaN, Number.POSITIVE_INFINITY, 2]);
  const [first] = selections(error, Float32Array.of(1, 1, 1, 1), 1, 2);
  expect(first?.columns).toEqual([2, 3]);
});

test.each([
  ['the usual one, where it tells them apart', { wrong: 0.5, right: 1e-7 }, true, 4e-5],
  ['between them, where llama.cpp is further off than usual', { wrong: 0.5, right: 5e-3 }, true, 0.05],
  ['between them, where a single value is over its limit and its row is not', { wrong: 3e-5, right: 3e-9 }, true, 3e-7],
  ['none, where they are too near', { wrong: 5e-3, right: 2e-3 }, true, undefined],
  ['three times what llama.cpp is off, of a stage that is right', { wrong: 1e-3, right: 1e-3 }, false, 3e-3],
  ['the usual one for no number', { wrong: Number.NaN, right: 1e-7 }, true, 4e-5],
])('the limit is %s', (_, distances, isWrong, limit) => {
  const found = limitBetween(distances, 4e-5, isWrong);
  if (limit === undefined) expect(found).toBeUndefined();
  else expect(found).toBeCloseTo(limit, 9);
});

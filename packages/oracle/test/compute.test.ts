import { describe, expect, test } from 'vitest';
import { computeStage, dequantizeRow, type QuantizedType, together, weightAt } from '../src/index.js';
import { casesOf, matrix, tiny } from './tiny-model.js';

const MODELS = {
  'quantised, untied, with rope_freqs and biases': tiny(['Q4_K', 'Q6_K', 'Q8_0', 'Q4_0', 'Q5_0', 'Q4_1'], {
    head: true,
    freqs: true,
    bias: true,
  }),
  'other types, tied': tiny(['F16', 'Q5_K', 'BF16', 'Q5_1', 'F32'], {}),
};

describe.each(Object.entries(MODELS))('%s', (_, model) => {
  const cases = casesOf(model);
  test('without a variation every stage is what the oracle computes, in the prompt and in a decode step', () => {
    expect(cases.length).toBe(2 * (2 * 19 + 4));
    for (const { c, right } of cases) {
      const rows = computeStage(c);
      expect(rows.length, c.stage).toBe(right.length);
      expect(difference(rows, right), `${c.stage}-${c.layer} step ${c.step}`).toBeLessThan(1e-12);
    }
  });

  test('chosen columns are those of the whole rows', () => {
    for (const { c, right } of cases) {
      const width = right.length / c.rows;
      const columns = Int32Array.of(width - 1, 0, 3);
      const chosen = computeStage(c, {}, columns);
      const want = Array.from({ length: c.rows }, (_, row) => [...columns].map((at) => right[row * width + at] ?? 0));
      expect(difference(chosen, Float64Array.from(want.flat())), c.stage).toBeLessThan(1e-12);
    }
  });
});

/** The largest |a − b| relative to the largest |b|; NaN must meet NaN. */
function difference(a: Float64Array, b: Float64Array): number {
  let [most, scale] = [0, 1e-300];
  b.forEach((want, i) => {
    const got = a[i] as number;
    if (Number.isNaN(want) || Number.isNaN(got)) most = Number.isNaN(want) === Number.isNaN(got) ? most : Infinity;
    else [most, scale] = [Math.max(most, Math.abs(want - got)), Math.max(scale, Math.abs(want))];
  });
  return most / scale;
}

test.each(['F32', 'F16', 'Q4_0', 'Q8_0', 'Q4_K', 'Q6_K'] as const)(
  'weightAt reads %s one by one',
  (type: QuantizedType) => {
    const w = matrix(type, 256, 512);
    const all = dequantizeRow(type, w.bytes, 256 * 512);
    const [row, column] = [77, 301];
    expect(weightAt(w, row, column)).toBe(all[row * 512 + column]);
    expect(weightAt(w, row, column, { walk: 'transposed' })).toBe(all[column * 256 + row]);
    expect(weightAt(w, row, column, { group: { size: 32, of: 8 } })).toBe(all[row * 512 + 256 + (column % 32)]);
  },
);

test('two bugs together: what both say of one family is kept, and one field cannot be both', () => {
  const pair = together(
    { rope: { pairs: 'halves' }, output: { clip: 1 } },
    { rope: { base: 5 }, norm: { epsilon: 1 } },
  );
  expect(pair).toEqual({ rope: { pairs: 'halves', base: 5 }, output: { clip: 1 }, norm: { epsilon: 1 } });
  expect(together({ rope: { pairs: 'halves', base: 7 } }, { rope: { base: 5 } })).toBeUndefined();
});

test('a stage that is not in the vocabulary is refused by name', () => {
  const [{ c }] = casesOf(MODELS['other types, tied']) as [ReturnType<typeof casesOf>[number]];
  expect(() => computeStage({ ...c, stage: 'ffn_moe_out' })).toThrow('ffn_moe_out');
});

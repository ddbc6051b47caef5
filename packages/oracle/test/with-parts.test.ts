import { expect, test } from 'vitest';
import type { CaseWeight } from '../src/case.js';
import { withParts } from '../src/index.js';

const f32 = (rows: number, columns: number, values: readonly number[]): CaseWeight => ({
  ...{ type: 'F32', rows, columns },
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const numbersOf = (weight: CaseWeight | undefined) =>
  weight && [weight.rows, weight.columns, ...new Float32Array(weight.bytes.slice().buffer)];

const weights: Readonly<Record<string, CaseWeight>> = {
  'blk.0.attn_q.weight': f32(2, 2, [1, 2, 3, 4]),
  'blk.0.attn_k.weight': f32(1, 2, [5, 6]),
  'blk.0.attn_v.weight': f32(1, 2, [7, 8]),
  'blk.0.attn_q.bias': f32(1, 2, [1, 2]),
  'blk.1.attn_q.weight': f32(1, 2, [1, 2]),
  'blk.1.attn_k.weight': { type: 'F16', rows: 1, columns: 2, bytes: new Uint8Array(4) },
  'blk.1.attn_v.weight': f32(1, 2, [7, 8]),
};
const weight = withParts((name) => weights[name]);

test('some rows of a weight are a weight, and some values of a vector a vector', () => {
  expect(numbersOf(weight('blk.0.attn_q.weight[1:2]'))).toEqual([1, 2, 3, 4]);
  expect(numbersOf(weight('blk.0.attn_q.bias[1:2]'))).toEqual([1, 1, 2]);
  expect(weight('blk.0.attn_q.weight[1:3]')).toBeUndefined();
  expect(weight('blk.0.none.weight[0:1]')).toBeUndefined();
});

test('Q, K and V are one weight where they have one type', () => {
  expect(numbersOf(weight('blk.0.attn_qkv.weight'))).toEqual([4, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(numbersOf(weight('blk.0.attn_qkv.weight[2:4]'))).toEqual([2, 2, 5, 6, 7, 8]);
  expect(weight('blk.0.attn_qkv.bias')).toBeUndefined(); // K and V have none
  expect(weight('blk.1.attn_qkv.weight')).toBeUndefined();
});

import { rounded, type Tensor } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { PrecisionSeen } from '../src/index.js';
import { tensor } from './support/tensors.js';
import { next } from './support/tiny-run.js';

const STAGES = ['attn_rms', 'q_proj', 'k_proj', 'q_rope', 'kqv_out', 'l_out'];
const WIDTH = 16;

const f32 = (stage: string, layer: number | null = 0): Tensor =>
  tensor(
    stage,
    Array.from({ length: 4 * WIDTH }, () => (next() * 2 - 1) * 3),
    { width: WIDTH, layer },
  );
const as = (one: Tensor, format: 'f16' | 'bf16'): Tensor => ({
  ...one,
  values: one.values.map((value) => rounded(value, format)),
});

function seen(tensors: readonly Tensor[]) {
  const precision = new PrecisionSeen();
  for (const one of tensors) precision.add(one);
  return precision.result();
}

describe('what an engine computes in is seen from its bits', () => {
  const run = [f32('embd', null), ...STAGES.map((stage) => f32(stage)), f32('result_output', null)];

  test('all stages in one format', () => {
    expect(seen(run)).toBe('f32');
    expect(seen(run.map((one) => as(one, 'f16')))).toBe('f16');
    expect(seen(run.map((one) => as(one, 'bf16')))).toBe('bf16');
  });

  test('values of bf16 beyond the range of f16 are of bf16, and few bits beyond it are no f16', () => {
    const large = run.map((one) => ({ ...one, values: one.values.map((value) => value * 2 ** 20) }));
    expect(seen(large.map((one) => as(one, 'bf16')))).toBe('bf16');
    const bits = run.map((one) => ({
      ...as(one, 'f16'),
      values: as(one, 'f16').values.map((value) => value * 2 ** 20),
    }));
    expect(seen(bits)).toBe('f32');
  });

  test('scores in f32 beside it change nothing, and neither does a stage or two', () => {
    const scores = [f32('kq'), f32('kq_soft_max')];
    const mixed = run.map((one) => (['attn_rms', 'result_output'].includes(one.stage) ? one : as(one, 'bf16')));
    expect(
      seen([...mixed, ...scores, ...[1, 2, 3].flatMap((layer) => [f32('kq', layer), f32('kq_soft_max', layer)])]),
    ).toBe('bf16');
  });

  test('embeddings of 16 bits are the weights, one rounded stage is a bug: the engine computes in f32', () => {
    expect(seen(run.map((one) => (['embd', 'q_proj'].includes(one.stage) ? as(one, 'bf16') : one)))).toBe('f32');
  });

  test('NaN, infinities and zeros tell nothing', () => {
    const odd = run.map((one) => {
      const values = as(one, 'bf16').values;
      values.set([Number.NaN, Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY]);
      return { ...one, values };
    });
    expect(seen(odd)).toBe('bf16');
    expect(seen(run.map((one) => ({ ...one, values: one.values.map(() => 0) })))).toBe('f32');
  });

  test('a few small numbers are of any format: there must be some hundreds', () => {
    expect(seen(STAGES.slice(0, 3).map((stage) => as(f32(stage), 'bf16')))).toBe('f32');
  });

  test('a long run is not read to its end', () => {
    const precision = new PrecisionSeen();
    const layers = Array.from({ length: 40 }, (_, layer) => STAGES.map((stage) => f32(stage, layer))).flat();
    const more = layers.findIndex((one) => !precision.add(one));
    expect(more).toBeGreaterThan(STAGES.length);
    expect(more).toBeLessThan(layers.length / 2);
  });
});

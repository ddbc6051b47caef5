import type { Tensor } from '@llama-probe/dump';
import { stream } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { compare, type Floor, limitOf, measureFloors } from '../src/index.js';
import { tensor } from './support/tensors.js';

const RULE = { margin: 10, minimum: 1e-5 };
const pull = async (tensors: AsyncIterable<Tensor>): Promise<Tensor[]> => {
  const all: Tensor[] = [];
  for await (const one of tensors) all.push(one);
  return all;
};

describe('a limit', () => {
  test('is a multiple of the floor, for the stage, a row and a value', () => {
    expect(limitOf({ rel: 0.25, row: 0.5, value: 2 }, RULE)).toEqual({ rel: 2.5, row: 5, value: 20 });
  });

  test('is never less than the minimum, which is larger for a row and for a value', () => {
    const least = { rel: 1e-5, row: 4e-5, value: 1e-3 };
    expect(limitOf({ rel: 1e-7, row: 1e-7, value: 1e-7 }, RULE)).toEqual(least);
    expect(limitOf(undefined, RULE)).toEqual(least);
  });
});

describe('floors', () => {
  const a = [
    tensor('embd', [1, 0, 3, 4], { layer: null, width: 2 }),
    tensor('kq', [2, Number.NaN, 1, 1], { width: 2, order: 1 }),
  ];
  const b = [
    tensor('embd', [1, 0, 3, 4.5], { layer: null, width: 2 }),
    tensor('kq', [2, Number.NaN, 1, 1], { width: 2, order: 1 }),
  ];

  test('are the distance of the other run, and are there when the tensor is passed on', async () => {
    const floors = new Map<string, Floor>();
    const seen: (Floor | undefined)[] = [];
    for await (const _ of measureFloors(stream(a), stream(b), floors)) seen.push(floors.get('0/-/embd'));
    expect(seen[0]?.rel).toBeCloseTo(0.5 / Math.sqrt(26), 12);
    expect(seen[0]?.row).toBeCloseTo(0.5 / 5, 12);
    expect(seen[0]?.value).toBeCloseTo(0.5 / Math.sqrt(26 / 4), 12);
    expect(floors.get('0/0/kq')).toEqual({ rel: 0, row: 0, value: 0 });
  });

  test('of a stage in pieces are those of the whole', async () => {
    const pieces = [tensor('embd', [1, 0], { layer: null }), tensor('embd', [3, 4], { layer: null, first: 1 })];
    const others = [tensor('embd', [1, 0], { layer: null }), tensor('embd', [3, 4.5], { layer: null, first: 1 })];
    const [whole, cut] = [new Map<string, Floor>(), new Map<string, Floor>()];
    await pull(measureFloors(stream(a.slice(0, 1)), stream(b.slice(0, 1)), whole));
    await pull(measureFloors(stream(pieces), stream(others), cut));
    expect(cut).toEqual(whole);
  });

  test('of runs of different graphs are an error', async () => {
    await expect(pull(measureFloors(stream(a), stream(b.slice(1)), new Map()))).rejects.toThrow(
      'the reference has 0/-/embd, and its other run has 0/0/kq',
    );
    await expect(pull(measureFloors(stream(a), stream(b.slice(0, 1)), new Map()))).rejects.toThrow('has nothing');
  });

  test('set the limits of a comparison while they are still being measured', async () => {
    const floors = new Map<string, Floor>();
    const candidate = [tensor('embd', [1, 0, 3, 5], { layer: null, width: 2 }), a[1] as Tensor];
    const options = { rule: RULE, floors, tokens: { candidate: [1], reference: [1] } };
    const result = await compare(stream(candidate), measureFloors(stream(a), stream(b), floors), options);
    // Twice as far as the other run, where ten times is allowed.
    expect(result.verdict).toBe('agree');
    expect(result.stages[0]).toMatchObject({ floor: floors.get('0/-/embd')?.rel, verdict: 'agree' });
    expect(result.stages[0]?.limit).toBeCloseTo((10 * 0.5) / Math.sqrt(26), 12);
    expect(result.stages[0]?.ofLimit).toBeCloseTo(0.2, 12);
    const strict = await compare(stream(candidate), stream(a), { ...options, rule: { margin: 1, minimum: 1e-5 } });
    expect(strict.first).toMatchObject({ stage: 'embd', token: 1 });
  });
});

describe('a single value', () => {
  const wide = (change: number): Tensor[] => {
    const values = Array.from({ length: 40_000 }, (_, i) => Math.sin(i));
    values[20_017] = (values[20_017] as number) + change;
    return [tensor('ffn_up', values, { width: 4000 })];
  };
  const tokens = { candidate: [1], reference: [1] };

  test('that is off by 1 % of the RMS is found in a stage and a row that are right otherwise', async () => {
    const judged = (minimum: number) =>
      compare(stream(wide(0.00707)), stream(wide(0)), { rule: { ...RULE, minimum }, tokens });
    const { stages, first, reason } = await judged(8e-5);
    expect(stages[0]?.rel).toBeLessThan(8e-5);
    expect(stages[0]?.worstRow?.rel).toBeLessThan(4 * 8e-5);
    expect(first).toMatchObject({ stage: 'ffn_up', token: 5 });
    expect(reason).toMatch(/a single value, at token 5, index 17, is off by 7\.1e-3/);
    expect((await judged(1.1e-4)).verdict).toBe('agree'); // 1.1 % is allowed
  });
});

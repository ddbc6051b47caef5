import { expect, test } from 'vitest';
import { RunFloors } from '../src/index.js';

const floor = (size: number) => ({ rel: size, row: 2 * size, value: 3 * size });

test('a stage is judged by the largest floor of any step, its own and that of the layers beside it, each of the three by itself', () => {
  const floors = new RunFloors([
    ['0/3/kq', { rel: 1e-6, row: 9e-6, value: 0 }],
    ['2/2/kq', { rel: 5e-6, row: 6e-6, value: 1e-6 }],
    ['0/5/kq', floor(1)],
    ['0/3/kqv_out', floor(2)],
  ]);
  expect(floors.get('1/3/kq')).toEqual({ rel: 5e-6, row: 9e-6, value: 1e-6 });
  expect(floors.get('0/4/kq')).toEqual(floor(1));
  expect(floors.get('0/9/kq')).toBeUndefined();
});

test('a stage without a layer has no neighbours, and a name may have slashes', () => {
  const floors = new RunFloors([
    ['0/-/embd', floor(1e-7)],
    ['0/0/embd', floor(1)],
    ['0/0/a/b', floor(2)],
  ]);
  expect(floors.get('4/-/embd')).toEqual(floor(1e-7));
  expect(floors.get('0/1/a/b')).toEqual(floor(2));
});

test('what was measured is kept as it was, and what grows in pieces grows', () => {
  const floors = new RunFloors();
  floors.set('0/0/kq', floor(1e-7));
  floors.set('1/0/kq', floor(1e-8));
  floors.set('0/0/kq', floor(3e-7));
  expect([...floors]).toEqual([
    ['0/0/kq', floor(3e-7)],
    ['1/0/kq', floor(1e-8)],
  ]);
  expect(floors.get('7/0/kq')).toEqual(floor(3e-7));
});

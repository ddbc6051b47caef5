import type { RecordedRun, Tensor } from '@llama-probe/dump';
import { expect, test } from 'vitest';
import { inSteps } from '../src/in-steps.js';

/** Two values a row: its position, and that again as a negative number. */
const rows = (stage: string, positions: readonly number[]): Tensor => ({
  step: 0,
  order: 0,
  layer: null,
  stage,
  positions: Int32Array.from(positions),
  width: 2,
  values: Float32Array.from(positions.flatMap((position) => [position, -position])),
});

const runOf = (tensors: readonly Tensor[], more: Partial<RecordedRun> = {}): RecordedRun => ({
  path: 'mine.npz',
  bytes: 0,
  metadata: { producer: { name: 'mine', version: '' }, tokens: [1, 7, 3, 9] },
  notes: ['format: NumPy (.npz)'],
  async *tensors() {
    yield* tensors;
  },
  close: async () => {},
  ...more,
});

async function partsOf(run: RecordedRun): Promise<unknown[]> {
  const parts: unknown[] = [];
  for await (const { step, stage, positions, values } of run.tensors()) {
    parts.push([step, stage, [...positions], [...values]]);
  }
  return parts;
}

test('rows after the prompt are decoded tokens, step by step; the last row alone is of its step', async () => {
  const run = inSteps(runOf([rows('embd', [0, 1, 2, 3]), rows('result_output', [3])]), 2);
  expect(await partsOf(run)).toEqual([
    [0, 'embd', [0, 1], [0, -0, 1, -1]],
    [1, 'embd', [2], [2, -2]],
    [2, 'embd', [3], [3, -3]],
    [2, 'result_output', [3], [3, -3]],
  ]);
  expect(run.notes.at(-1)).toBe('rows after the first 2 are decoded tokens: 2 steps');
});

test('what has steps of its own keeps them', async () => {
  const run = inSteps(runOf([rows('embd', [0, 1]), { ...rows('embd', [2]), step: 1 }]), 2);
  expect((await partsOf(run)).map((part) => (part as unknown[])[0])).toEqual([0, 1]);
});

test('a run that is its prompt is left as it is', () => {
  const run = runOf([rows('embd', [0, 1, 2, 3])]);
  expect(inSteps(run, 4)).toBe(run);
  expect(inSteps(run, 0)).toBe(run);
});

test('scores are those of the positions that a step has', async () => {
  const scores = { ...rows('kq', [0, 1, 2, 3]), width: 8, values: Float32Array.from({ length: 32 }, (_, i) => i) }; // of two heads
  const metadata = { ...runOf([]).metadata, shapes: { kq: [2, -1] } };
  const [prompt, first, second] = await partsOf(inSteps(runOf([scores], { metadata }), 2));
  expect(prompt).toEqual([0, 'kq', [0, 1], [0, 1, 4, 5, 8, 9, 12, 13]]);
  expect(first).toEqual([1, 'kq', [2], [16, 17, 18, 20, 21, 22]]);
  expect(second).toEqual([2, 'kq', [3], [24, 25, 26, 27, 28, 29, 30, 31]]);
});

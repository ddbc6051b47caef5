import { expect, test } from 'vitest';
import { judgedRun } from '../src/floors/judged.js';
import type { RunPlan, Side } from '../src/side.js';

test('with --no-floors a side is not asked what its floor is measured by: it would hash its model', async () => {
  const asked = { about: { mode: 'exact' }, floor: () => expect.fail('it was asked') } as unknown as Side;
  const { signal } = new AbortController();
  const judged = await judgedRun(asked, { tokens: [1] } as unknown as RunPlan, { floors: false }, () => {}, signal);
  expect(judged.method).toBe('not measured: --no-floors');
});

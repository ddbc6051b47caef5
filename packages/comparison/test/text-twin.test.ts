import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runText } from '../src/run-text.js';

const folder = mkdtempSync(join(tmpdir(), 'text-twin-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('what the floor is measured by is opened once, for the logits and for each closer look', async () => {
  const prompts = join(folder, 'prompts.jsonl');
  const ids = () => 3 + Math.floor(990 * Math.random()); // others each time: no floor of theirs is cached
  writeFileSync(prompts, [1, 2].map(() => JSON.stringify({ tokens: [1, ids(), ids(), ids()] })).join('\n'));
  const said: string[] = [];
  const progress = { say: (message: string) => said.push(message) };
  const asked = { prompts, inject: 'rope-theta', reference: 'exact', adapter: 'auto' } as const;
  const { stages } = await runText(asked, progress, new AbortController().signal);
  expect(stages.map(({ report }) => report.verdict)).toEqual(['diverged', 'diverged']);
  // None on a machine that runs one kind of CPU build only.
  const measured = stages.some(({ report }) => report.floors.method.includes(' against '));
  expect(said.filter((message) => message.includes('to measure the floor'))).toHaveLength(measured ? 1 : 0);
});

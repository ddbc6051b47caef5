import { emptyReport } from '@llama-probe/comparison';
import { expect, test } from 'vitest';
import { gateText } from '../src/text.js';

test('control characters and line breaks of a configuration do not reach the terminal, nor begin a line', () => {
  const reason = 'x\r\n::error ::y\u001b]0;title\u0007';
  const [report, note] = [emptyReport(), { level: 'warning', text: reason } as const];
  const one = {
    name: 'm',
    verdict: 'incomparable',
    reason,
    notes: [note],
    report,
    baseline: null,
    update: null,
    time: '2026-11-28T07:39:53.622Z',
    axes: { model: 'm.gguf', quantize: null, engine: 'webgpu', prompt: 'hello' },
    modelHash: null,
    quantized: null,
  } as const;
  const about = { schema: 1, kind: 'gate', version: '1', verdict: 'incomparable', shard: null, only: null } as const;
  const text = gateText({
    ...{ ...about, reason, total: 1, names: ['m'], adapter: null, commit: null, known: [], notes: [note], timings: {} },
    config: { file: 'probe.config.ts', hash: 'a', factor: 4, inputs: 'b' },
    cases: [{ ...one, known: { applied: [], used: [], untold: [] } }],
  });
  expect(text).not.toMatch(/^\s*::/m);
  expect(text).not.toContain('\u0007');
  expect(text).toContain('::error ::y');
});

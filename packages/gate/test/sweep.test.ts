import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyReport, type Report } from '@llama-probe/comparison';
import { encode } from '@llama-probe/comparison/ask';
import { COLUMNS } from '@llama-probe/report/tables';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import type { GateCase } from '../src/config/case.js';
import { DATASET_COLUMNS } from '../src/dataset/columns.js';
import { Dataset, datasetFile } from '../src/dataset/dataset.js';
import { paced } from '../src/paced.js';
import type { GateResult } from '../src/result.js';
import { type Begun, resume } from '../src/resume.js';
import { QuantizedCosts } from '../src/run/quantized.js';
import { KeptSides, type Run } from '../src/run/run.js';
import type { CaseFinding } from '../src/run/run-case.js';
import { folder, write } from './support/files.js';
import { result as stage } from './support/stages.js';

const finding = (changes: Partial<CaseFinding> = {}): CaseFinding => ({
  name: 'm-Q2_K-hello',
  time: '2026-11-28T07:39:53.622Z',
  axes: { model: 'm.gguf', quantize: 'Q2_K', engine: 'mine', prompt: 'hello' },
  modelHash: 'abc',
  quantized: { klDivergence: 0.003, top1Agree: false },
  verdict: 'agree',
  reason: 'All agree.',
  notes: [],
  report: emptyReport('nothing was run'),
  baseline: null,
  update: null,
  known: { applied: [], used: [], untold: [] },
  ...changes,
});

describe('a data set', () => {
  const rows = (one: CaseFinding) =>
    tableFromIPC(datasetFile(one, { version: '9.9', commit: 'c0ffee' }))
      .toArray()
      .map((row) => row.toJSON());
  const report: Report = {
    ...emptyReport(''),
    stages: [
      ...[stage('l_out', 0, 1e-7), stage('result_output', null, 2e-7), stage('result_output', null, 3e-7, 1e-7, 1)],
    ].map((one) => ({ ...one, shape: [1, 4] as const, count: 4 })),
    logits: { klDivergence: 1e-9, top1Agree: true, top1Margin: 1, topK: { candidate: [], reference: [] } },
  };

  test('says of each row where it stands in the matrix, and of the logits after the prompt what they cost', () => {
    const all = rows(finding({ report }));
    expect(all).toHaveLength(3);
    for (const row of all) {
      expect(row).toMatchObject({
        ...{ time: Date.parse('2026-11-28T07:39:53.622Z'), version: '9.9', commit: 'c0ffee', run: 'm-Q2_K-hello' },
        ...{ model: 'm.gguf', model_hash: 'abc', quantize: 'Q2_K', engine: 'mine', prompt: 'hello' },
      });
    }
    expect(all.map(({ kl, quantize_kl, top1, quantize_top1 }) => [kl, quantize_kl, top1, quantize_top1])).toEqual([
      [null, null, null, null],
      [1e-9, 0.003, true, false],
      [null, null, null, null],
    ]);
  });

  test('has a row for a case of which nothing could be compared, and nulls for what nobody knows', () => {
    const axes = { model: null, quantize: null, engine: 'mine', prompt: null };
    const [row, ...rest] = rows(finding({ axes, modelHash: null, quantized: null, verdict: 'incomparable' }));
    expect(rest).toEqual([]);
    expect(row).toMatchObject({ model: null, model_hash: null, stage: null, verdict_of_run: 'incomparable', kl: null });
  });

  test('docs/sweeps.md has every column with its type', () => {
    const docs = readFileSync(new URL('../../../docs/sweeps.md', import.meta.url), 'utf8');
    const listed = [...docs.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, type]) => ({ name, type }));
    const own = DATASET_COLUMNS.slice(0, -COLUMNS.length).map(({ name, type }) => ({ name, type }));
    expect(listed).toEqual(own.map(({ name, type }) => ({ name, type: type === 'time' ? 'timestamp' : type })));
    expect(DATASET_COLUMNS.slice(-COLUMNS.length).map(({ name }) => name)).toEqual(COLUMNS.map(({ name }) => name));
  });

  test.each([
    ['', /--dataset: wanted a folder; got nothing/],
    [join(write('file', ''), 'below'), /--dataset: .* cannot be made \(ENOTDIR\): name a folder/],
  ])('a folder that cannot be one is refused: %j', (path, message) => {
    expect(() => Dataset.open(path, null)).toThrow(message);
  });
});

describe('resume', () => {
  const NOW: Begun = {
    version: '0.1.0',
    config: { file: 'probe.config.json', hash: 'abc', factor: 4, inputs: 'def' },
    names: ['a', 'b', 'c'],
    shard: { index: 1, count: 2 },
    only: null,
    adapter: null,
    commit: 'c0ffee',
  };
  const kept = (changes: Partial<GateResult> = {}): string => {
    const cases = [finding({ name: 'a' }), finding({ name: 'b', verdict: 'incomparable' })];
    const rest = { schema: 1, kind: 'gate', verdict: 'incomparable', reason: '', total: 3, known: [], notes: [] };
    return write('r.json', encode({ ...NOW, ...rest, cases, timings: { total: 5 }, ...changes } as GateResult));
  };

  test('keeps what was told, and runs the rest; without a file all is run', () => {
    const { cases, total } = resume(kept(), NOW);
    expect([...cases.keys()]).toEqual(['a']);
    expect(total).toBe(5);
    for (const none of [join(folder, 'none.json'), write('r.json', '')]) expect(resume(none, NOW).cases.size).toBe(0);
  });

  test.each<[string, Partial<GateResult>]>([
    ['version of llama-probe: 9, and this is 0.1.0', { version: '9' }],
    ['commit: none, and this is c0ffee', { commit: null }],
    ['configuration: x, and', { config: { ...NOW.config, hash: 'x' } }],
    ['set of prompts or baselines: x, and', { config: { ...NOW.config, inputs: 'x' } }],
    ['list of cases: a, and', { names: ['a'] }],
    ['shard: all cases, and this is 1/2', { shard: null }],
    ['choice of cases: a*, and', { only: 'a*' }],
    ["adapter: gpu, and this is the configuration's", { adapter: 'gpu' }],
  ])('refuses a file of another %s', (what, changes) => {
    expect(() => resume(kept(changes), NOW)).toThrow(`is of another ${what}`);
  });

  test('refuses what is no result', () => {
    expect(() => resume(write('r.json', '{"kind": "ga'), NOW)).toThrow(/is not JSON, or was cut off/);
  });
});

test('a result that grows with the cases is written in a tenth of the time, and after each case while that is cheap', () => {
  for (const [cases, most] of [
    [10, 10],
    [1000, 200],
  ] as const) {
    let [now, done, written, lost, times] = [0, 0, 0, 0, 0];
    const keep = paced(
      () => {
        now += done; // a millisecond for each case that there is
        written = done;
        times++;
      },
      () => now,
    );
    while (done < cases) {
      now += 90; // what a case takes
      done++;
      keep();
      lost = Math.max(lost, done - written);
    }
    const writing = now - 90 * cases;
    expect(times).toBeLessThanOrEqual(most);
    expect(writing, `${times} times`).toBeLessThanOrEqual(0.11 * now);
    expect(lost).toBeLessThanOrEqual((10 * cases) / 90 + 1);
    if (cases === most) expect(times).toBe(cases);
  }
});

describe('what quantising costs', () => {
  const row = { token: 1, candidate: Float32Array.of(1, 2, 3), reference: Float32Array.of(1, 2, 4) };
  const report = { reference: { name: 'llama.cpp', version: '', mode: 'exact' }, tokens: [1, 2] };
  const run: Run = {
    progress: { say: () => {} },
    signal: new AbortController().signal,
    sides: new KeptSides(),
    ...{ recorder: undefined, logits: undefined },
  };
  const work = (quantize?: string): Pick<GateCase, 'work'> => ({
    work: {
      kind: 'engine',
      against: 'reference',
      options: {
        ...{ model: '/nowhere.gguf', steps: 0, adapter: 'auto', reference: 'exact' },
        ...(quantize && { quantize }),
      },
    },
  });

  test('is told by the case of the file as it is, with the same model and tokens', async () => {
    const costs = new QuantizedCosts();
    expect(await costs.of(work(), report, row, run)).toEqual({ quantized: null, notes: [] });
    const { quantized } = await costs.of(work('Q2_K'), report, { ...row, reference: row.candidate }, run);
    expect(quantized).toMatchObject({ top1Agree: true });
    const [p, q] = [row.reference, row.candidate].map((logits) => {
      const sum = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      return [...logits].map((logit) => Math.exp(logit) / sum);
    });
    const kl = p?.reduce((sum, p, i) => sum + p * Math.log(p / (q?.[i] ?? 0)), 0);
    expect(quantized?.klDivergence).toBeCloseTo(kl ?? Number.NaN, 12);
  });

  test('is a note, and no failure, where llama.cpp cannot run on the file as it is', async () => {
    const other = { ...report, tokens: [1, 3] };
    const costs = new QuantizedCosts();
    await costs.of(work(), report, row, run);
    const { quantized, notes } = await costs.of(work('Q2_K'), other, row, run);
    expect(quantized).toBeNull();
    expect(notes).toMatchObject([{ level: 'warning', text: expect.stringMatching(/cannot be told.*nowhere\.gguf/) }]);
  });
});

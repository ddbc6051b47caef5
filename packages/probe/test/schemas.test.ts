import { readFileSync } from 'node:fs';
import type { Report } from '@llama-probe/comparison';
import { documentOf, encode, failure } from '@llama-probe/comparison/ask';
import { mappingSchema } from '@llama-probe/import';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fault, nothing, report, sick, stage } from '../../report/test/support/findings.js';
import { jsonSchemas } from '../src/schemas.js';

const KINDS = Object.keys(jsonSchemas());

/** As it is published. */
const published = (kind: string): z.core.JSONSchema.JSONSchema =>
  JSON.parse(readFileSync(new URL(`../schema/${kind}.schema.json`, import.meta.url), 'utf8'));

/** What a reader of the published schema has to say of a document. */
function problems(kind: string, document: unknown): string[] {
  const { error } = z.fromJSONSchema(published(kind)).safeParse(document);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the published schemas', () => {
  test.each(KINDS)('%s is up to date: node scripts/dist/schemas.js writes it', (kind) => {
    expect(published(kind)).toEqual(JSON.parse(JSON.stringify(jsonSchemas()[kind])));
  });

  test('that of a mapping file is up to date, too', () => {
    expect(published('map')).toEqual(JSON.parse(JSON.stringify(mappingSchema())));
  });
});

const checked = Object.fromEntries(
  ['finite', 'rope-norm', 'rope-identity', 'softmax-range', 'softmax-sum', 'softmax-mask', 'first-value'].map(
    (name) => [name, 3],
  ),
) as Report['checks']['candidate']['checked'];
const all = { ...checked, 'attention-first': 0, residual: 0, cache: 0 };
const checks = {
  candidate: { broken: [], checked: all, leftOut: [] },
  reference: { broken: [], checked: all, leftOut: [] },
};

const where = {
  tokens: [[1, 3]],
  wrongRows: 3,
  rows: 4,
  heads: [[0, 7]],
  columnsIn: 'head',
  columns: [{ from: 0, to: 7, what: null }],
  share: 1,
  kind: { kind: 'factor-per-row', from: 0.5, to: Number.POSITIVE_INFINITY },
  text: 'every row but token 0 is wrong',
} as const;
const odd = stage({ rel: Number.NaN, sqnr: Number.POSITIVE_INFINITY, where, verdict: 'diverged', reason: 'NaN' });
const foul = report({ ...sick().report, checks, faults: [fault({ where, local: Number.NaN })], stages: [odd] });
const untold = nothing().report;
const other = { ...untold, checks, tokenDiagnosis: { id: 'x', title: 'BOS', text: 'x', at: 0, source: '' } };

const note = { level: 'error', text: 'it is worse', at: { step: 0, layer: 1, stage: 'kq' } } as const;
const known = { applied: [0], used: [], untold: [0] };
const most = { step: 0, layer: 1, stage: 'kq', rel: 1, was: 0, times: Number.POSITIVE_INFINITY };
const baseline = { file: 'a', state: 'compared', stages: 1, changed: 1, worse: 1, better: 0, most, estimated: false };
const axes = { model: 'm.gguf', quantize: 'Q2_K', engine: 'webgpu', prompt: 'hello' };
const told = {
  time: '2026-11-28T07:39:53.622Z',
  axes,
  modelHash: 'ab',
  quantized: { klDivergence: Number.NaN, top1Agree: false },
};
const dump = {
  ...told,
  axes: { model: null, quantize: null, engine: 'mine', prompt: null },
  modelHash: null,
  quantized: null,
};
const gate = {
  schema: 1,
  kind: 'gate',
  version: '0.1.0',
  verdict: 'diverged',
  reason: 'One case diverged.',
  config: { file: 'probe.config.ts', hash: 'a', factor: 2, inputs: 'b' },
  shard: { index: 1, count: 2 },
  only: null,
  adapter: null,
  commit: 'c0ffee-dirty',
  total: 1,
  names: ['a'],
  cases: [
    {
      ...told,
      name: 'a',
      verdict: 'diverged',
      reason: 'x',
      notes: [note],
      report: foul,
      baseline,
      update: null,
      known,
    },
    {
      ...dump,
      name: 'b',
      verdict: 'incomparable',
      reason: 'x',
      notes: [],
      report: other,
      baseline: null,
      update: null,
      known,
    },
  ],
  known: [{ stages: ['kq'], until: '2026-01-01', reason: 'x', applied: 1, used: 0, untold: 1 }],
  notes: [note],
  timings: { total: 1 },
};

const DOCUMENTS: readonly (readonly [string, string, object])[] = [
  ['comparison', 'that agrees', documentOf('comparison', report({ checks }))],
  ['comparison', 'that diverged, with numbers that are none', documentOf('comparison', foul)],
  ['comparison', 'of other tokens', documentOf('comparison', other as unknown as Report)],
  ['failure', 'of a mistake', failure('--model: no such file.', 'usage')],
  ['gate', 'with a case that diverged and one that could not be told', gate],
  [
    'check',
    'that found NaN',
    documentOf('check', {
      schema: 1,
      file: 'a.arrow',
      known: 1,
      checked: all,
      leftOut: [{ check: 'cache', reason: 'attention.causal is false' }],
      broken: [
        {
          check: 'finite',
          step: 0,
          order: 0,
          layer: 0,
          stage: 'kq',
          token: 0,
          found: Number.NaN,
          wanted: 0,
          text: 'x',
        },
      ],
    }),
  ],
  [
    'inspection',
    'of values that are none',
    documentOf('inspection', {
      schema: 1,
      file: 'a.arrow',
      bytes: 1,
      metadata: { producer: { name: 'mine', version: '1' }, tokens: [1] },
      tensors: [
        {
          ...{ step: 0, order: 0, layer: null, stage: 'embd', shape: [1, 2], rms: 0, mean: 0, nan: 2, inf: 0 },
          min: Number.POSITIVE_INFINITY,
          max: Number.NEGATIVE_INFINITY,
          values: [[Number.NaN, 1]],
        },
      ],
    }),
  ],
];

describe('documents are as their schema says', () => {
  test.each(DOCUMENTS)('a %s %s', (kind, _, document) => {
    expect(problems(kind, JSON.parse(encode(document)))).toEqual([]);
  });

  test.each(DOCUMENTS)('a %s %s: not under another kind, and not with a part of it gone', (kind, _, document) => {
    const whole = JSON.parse(encode(document)) as Record<string, unknown>;
    expect(problems(kind, { ...whole, kind: 'else' })).not.toEqual([]);
    for (const name of Object.keys(whole)) {
      if (name === 'memory') continue; // only where there is a GPU
      const { [name]: _, ...rest } = whole;
      expect(problems(kind, rest), name).not.toEqual([]);
    }
  });

  test.each([
    ['a verdict that is none', { verdict: 'fine' }],
    ['null for a number', { stages: [{ ...stage({}), rel: null }] }],
    ['a number as text', { stages: [{ ...stage({}), rel: 'NaN' }] }],
    ['a number that JSON has, as an object', { stages: [{ ...stage({}), rel: { number: '1' } }] }],
    ['half a stage', { first: { step: 0 } }],
    ['a schema of the future', { schema: 2 }],
  ])('a broken one is not: %s', (_, changes) => {
    const document = { ...documentOf('comparison', report({ checks })), ...changes };
    expect(problems('comparison', JSON.parse(JSON.stringify(document)))).not.toEqual([]);
  });

  test('a field more is allowed: there will be more', () => {
    const document = { ...documentOf('comparison', report({ checks })), watch: { run: 1 } };
    expect(problems('comparison', JSON.parse(encode(document)))).toEqual([]);
  });
});

import type { Report } from '@llama-probe/comparison';
import type { Broken } from '@llama-probe/diff';
import { describe, expect, test } from 'vitest';
import { factsOf, summaryOf } from '../src/facts.js';
import { annotations } from '../src/github.js';
import { junit } from '../src/junit/junit.js';
import { markdown } from '../src/markdown/markdown.js';
import { pageData } from '../src/page/data.js';
import { textReport } from '../src/text/text.js';
import { brokenLines, causeOfFirst, furthest, localInputs, times, timesSaid } from '../src/words.js';
import { fault, finding, report, sick, stage } from './support/findings.js';

const broken = (check: Broken['check'], stageName: string, layer: number): Broken => ({
  ...{ check, step: 0, order: layer, layer, stage: stageName, token: 0, found: 1, wanted: 0 },
  text: `${stageName} of layer ${layer} breaks ${check}.`,
});
const checked = {} as Report['checks']['candidate']['checked'];

describe('a sentence that several outputs have', () => {
  const some = [0, 1, 2].map((layer) => broken('rope-norm', 'q_rope', layer));
  const checks = {
    candidate: {
      broken: [...some, broken('rope-norm', 'k_rope', 0), broken('rope-norm', 'k_rope', 1)],
      checked,
      leftOut: [],
    },
    reference: { broken: [], checked, leftOut: [] },
  };

  test('counts the same places: of each check and stage', () => {
    const first = 'q_rope of layer 0 breaks rope-norm. The same at 2 more places.';
    const second = 'k_rope of layer 0 breaks rope-norm. The same at 1 more place.';
    expect(brokenLines(checks.candidate).map(({ text }) => text)).toEqual([first, second]);
    const one = finding({ checks });
    for (const sentence of [first, second]) {
      expect(textReport(one.report)).toContain(sentence);
      expect(markdown([one])).toContain(sentence);
      expect(pageData([one], 1e6).runs[0]?.checks[0]?.broken).toContain(sentence);
    }
  });

  test('names the reference, whatever it is: two foreign engines are never called llama.cpp', () => {
    const reference = { name: 'mlx', version: '0.30', mode: 'native', callbackChangesNothing: false };
    const floors = { method: 'not measured', margin: 10, minimum: 1e-5 };
    const one = sick({ reference, floors, timings: { total: 1, teacherForced: 1 } });
    expect(localInputs(one.report)).toBe("from mlx's inputs");
    const page = pageData([one], 1e6).runs[0];
    const outputs = [textReport(one.report), markdown([one]), junit([one]), annotations([one]), JSON.stringify(page)];
    for (const output of outputs) expect(output).not.toContain('llama.cpp');
    expect(outputs[0]).toContain("wrong from mlx's inputs:");
    expect(outputs[1]).toContain("**Wrong from mlx's inputs**");
    expect(outputs[2]).toContain("is wrong from mlx's inputs: local delta 5.0e-1, limit 1e-5");
    expect(page).toMatchObject({ inputs: "from mlx's inputs" });
    expect(page?.facts).toContainEqual(["time, from mlx's inputs", '0.00 s']);
  });
});

test('where the time went: what would be 0.0 s is left out', () => {
  const timings = { open: 1e4, total: 4240, loading: 1120, engine: 2960, llama: 100, diff: 49, other: 11 };
  expect(timesSaid(timings)).toBe('4.2 s: loading 1.1, engine 3.0, llama.cpp 0.1');
  expect(timesSaid({ total: 20, other: 20 })).toBe('0.0 s');
  expect(timesSaid({})).toBe('');
});

describe('facts', () => {
  test('leave out what is not known, and have each name once', () => {
    const { model } = report();
    const facts = factsOf(report({ model: { ...model, layers: null, bytes: null }, timings: {} }));
    expect(facts.map(({ name }) => name)).toEqual([
      ...['model', 'architecture', 'quantization', 'tokens', 'reference', 'mode', 'candidate', 'backend', 'adapter'],
      ...['limits', 'floors'],
    ]);
  });

  test('in a few lines', () => {
    const tokens = Array.from({ length: 20 }, (_, i) => i);
    expect(summaryOf(report({ tokens }))).toEqual({
      model: '/home/me/model.gguf (llama, Q4_K, 4 layers, 7.3 MB)',
      tokens: '20: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 …',
      reference: 'llama.cpp v0.5.0, exact: it fits',
      candidate: 'llama-probe, WebGPU, OpenGL ES, llvmpipe',
      limits: '10 × the floor, at least 1e-5; floor llama.cpp exact (zen4) against exact (haswell)',
    });
  });
});

test('the cause of the first wrong stage is that of the first fault, where there are faults', () => {
  const first = fault({});
  const { diagnosis } = first;
  const other = diagnosis && { ...diagnosis, text: 'other' };
  expect(causeOfFirst(report({ faults: [first], diagnosis: other }))).toBe(diagnosis);
  expect(causeOfFirst(report({ faults: null, diagnosis: other }))).toBe(other);
  expect(causeOfFirst(report({ faults: [], diagnosis: null }))).toBeNull();
});

test.each([
  [0.001, '0 ×'],
  [0.034, '0.03 ×'],
  [12.3, '12 ×'],
  [84123, '8e+4 ×'],
  [Number.POSITIVE_INFINITY, '∞ ×'],
  [Number.NaN, '∞ ×'],
])('%d of a limit is %s', (share, text) => expect(times(share)).toBe(text));

test('what is no number is further off than any', () => {
  expect(furthest([])).toBe(0);
  expect(furthest([stage({ ofLimit: 2 }), stage({ ofLimit: 3 })])).toBe(3);
  expect(furthest([stage({ ofLimit: 2 }), stage({ ofLimit: Number.NaN }), stage({ ofLimit: 3 })])).toBeNaN();
});

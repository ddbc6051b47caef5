import type { Finding } from '@llama-probe/comparison';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { junit } from '../src/junit/junit.js';
import { fault, finding, HOSTILE, nothing, sick, stage, wrong } from './support/findings.js';

interface Case {
  name: string;
  classname: string;
  failure?: { type: string; message: string; '#text': string };
  error?: { type: string; message: string };
  skipped?: { message: string };
}
interface Suite {
  name: string;
  tests: string;
  failures: string;
  errors: string;
  skipped: string;
  testcase: Case[];
  properties: { property: { name: string; value: string }[] };
}

const ARRAYS = new Set(['testsuite', 'testcase', 'property']);

/** The suites, after the file was found to be whole and its counts to be right. */
function parse(findings: readonly Finding[]): Suite[] {
  const xml = junit(findings);
  expect(XMLValidator.validate(xml)).toBe(true);
  expect(xml).not.toMatch(/(?![\t\n\r])\p{Cc}|[\p{Cs}\ufffe\uffff]/u);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    isArray: (name) => ARRAYS.has(name),
  });
  const { testsuites } = parser.parse(xml) as { testsuites: Suite & { testsuite: Suite[] } };
  const count = (cases: Case[], key: 'failure' | 'error' | 'skipped') =>
    String(cases.filter((one) => key in one).length);
  for (const suite of [
    ...testsuites.testsuite,
    { ...testsuites, testcase: testsuites.testsuite.flatMap((one) => one.testcase) },
  ]) {
    expect(suite.tests).toBe(String(suite.testcase.length));
    expect(suite.failures).toBe(count(suite.testcase, 'failure'));
    expect(suite.errors).toBe(count(suite.testcase, 'error'));
    expect(suite.skipped).toBe(count(suite.testcase, 'skipped'));
  }
  return testsuites.testsuite;
}

const casesOf = (one: Finding): Map<string, Case> =>
  new Map((parse([one])[0] as Suite).testcase.map((testcase) => [testcase.name, testcase]));
const red = (one: Finding): string[] =>
  [...casesOf(one).values()].filter((testcase) => testcase.failure ?? testcase.error).map(({ name }) => name);

describe('JUnit', () => {
  test('has a case for each layer and stage, over all steps, and what was run as properties', () => {
    const [suite] = parse([sick()]);
    expect(suite?.name).toBe('model.gguf, 3 tokens');
    expect(suite?.testcase.map(({ name }) => name)).toEqual(['layer 0 v_proj', 'layer 0 q_rope', 'layer 0 kq']);
    expect(suite?.testcase[0]?.classname).toBe('model_gguf, 3 tokens');
    const properties = Object.fromEntries((suite?.properties.property ?? []).map(({ name, value }) => [name, value]));
    expect(properties).toMatchObject({
      model: '/home/me/model.gguf',
      adapter: 'llvmpipe',
      reference: 'llama.cpp v0.5.0',
      mode: 'exact: it fits',
    });
  });

  test('a fault fails with its cause, what inherits it is skipped, what is right passes', () => {
    const cases = casesOf(sick());
    const failure = cases.get('layer 0 q_rope')?.failure;
    const what = 'local delta 5.0e-1, limit 1e-5';
    expect(failure).toMatchObject({
      type: 'fault',
      message: `RoPE turns the halves of a head: q_rope, layer 0 (${what})`,
    });
    expect(failure?.['#text'].split('\n')).toEqual([
      'RoPE turns the halves of a head: q_rope, layer 0',
      'where to look: The rotation kernel.',
      expect.stringMatching(/^how sure: confirmed \(rope-halves\): recomputed\. /),
      `layer 0 q_rope is wrong from llama.cpp's inputs: ${what}`,
      'steps: 0 to 1, first at token 1',
    ]);
    expect(cases.get('layer 0 kq')?.skipped?.message).toContain('inherits from q_rope of layer 0');
    expect(Object.keys(cases.get('layer 0 v_proj') ?? {}).sort()).toEqual(['classname', 'name', 'time']);
    expect(red(sick())).toEqual(['layer 0 q_rope']);
  });

  test('without a run from the reference: what nothing upstream explains fails, and only that', () => {
    const stages = [
      stage({ order: 3, layer: 0, stage: 'attn_norm' }),
      wrong({ order: 4, layer: 0, stage: 'q_proj' }),
      wrong({ order: 6, layer: 0, stage: 'q_rope' }),
      wrong({ order: 7, layer: 0, stage: 'k_rope' }), // k_proj was not captured, attn_norm is right
      wrong({ order: 8, layer: 0, stage: 'kq' }),
      wrong({ order: 30, layer: 1, stage: 'q_rope' }), // through stages that were not captured
      wrong({ step: 1, order: 8, layer: 2, stage: 'kq' }),
    ];
    const first = { order: 4, step: 0, layer: 0, stage: 'q_proj', token: 0, cause: null, where: null };
    const cases = casesOf(finding({ verdict: 'diverged', reason: 'q_proj', stages, first }));
    expect([...cases.values()].filter(({ failure }) => failure).map(({ name }) => name)).toEqual([
      'layer 0 q_proj',
      'layer 0 k_rope',
    ]);
    expect(cases.get('layer 0 kq')?.skipped?.message).toContain('diverged after one of its inputs');
  });

  test("of nodes that are no stage of the vocabulary the first fails: nobody knows the others' inputs", () => {
    const stages = ['a', 'b', 'c'].map((name, order) => (name === 'a' ? stage : wrong)({ order, stage: name }));
    const one = finding({ verdict: 'diverged', reason: 'b', stages });
    expect(red(one)).toEqual(['b']);
    expect(casesOf(one).get('c')?.skipped?.message).toContain('diverged after');
  });

  test('of another architecture the model’s own graph says what is computed from what', () => {
    const stages = ['attn_out', 'attn_post_norm', 'ffn_inp'].map((name, order) =>
      (order === 0 ? stage : wrong)({ order, layer: 0, stage: name }),
    );
    const post = { stage: 'attn_post_norm', op: 'MUL', inputs: ['attn_out'] };
    const sum = { stage: 'ffn_inp', op: 'ADD', inputs: ['attn_post_norm'] };
    const graph = { before: [], after: [], layers: [0], kinds: [[{ stage: 'attn_out', op: 'MUL_MAT' }, post, sum]] };
    const diverged = { verdict: 'diverged', reason: 'attn_post_norm', stages } as const;
    expect(red(finding({ ...diverged, graph }))).toEqual(['layer 0 attn_post_norm']);
    expect(red(finding(diverged))).toEqual(['layer 0 attn_post_norm', 'layer 0 ffn_inp']); // a Llama's is of attn_out
  });

  test('an error through the KV cache of an earlier step is inherited', () => {
    const stages = [
      wrong({ step: 0, order: 7, layer: 0, stage: 'k_rope' }),
      stage({ step: 1, order: 6, layer: 0, stage: 'q_rope' }),
      stage({ step: 1, order: 7, layer: 0, stage: 'k_rope' }),
      wrong({ step: 1, order: 8, layer: 0, stage: 'kq' }),
    ];
    expect(red(finding({ verdict: 'diverged', reason: 'k_rope', stages }))).toEqual(['layer 0 k_rope']);
  });

  test('a divergence that no stage has by itself is red all the same', () => {
    const stages = [
      wrong({ order: 4, layer: 0, stage: 'q_proj', local: 0 }),
      wrong({ order: 6, layer: 0, stage: 'q_rope' }),
    ];
    expect(red(finding({ verdict: 'diverged', reason: 'it builds up', stages, faults: [] }))).toEqual([
      'layer 0 q_proj',
    ]);
  });

  test('what could not be compared is an error', () => {
    const stages = [
      stage({}),
      stage({ layer: 1, stage: 'kq', verdict: 'incomparable', reason: 'missing in the candidate' }),
    ];
    const one = finding({ verdict: 'incomparable', reason: 'kq of layer 1: missing in the candidate.', stages });
    expect(casesOf(one).get('layer 1 kq')?.error).toMatchObject({
      type: 'incomparable',
      message: 'missing in the candidate',
    });
    expect(casesOf(nothing()).get('tokens')?.error?.message).toBe('The BOS token is missing');
    const mute = finding({ verdict: 'incomparable', reason: 'The two sides have no stage in common.', stages: [] });
    expect(casesOf(mute).get('verdict')?.error?.message).toBe('The two sides have no stage in common.');
  });

  test('a fault in a stage that was not asked for has a case too', () => {
    expect(red(sick({ faults: [fault({}), fault({ stage: 'ffn_up', layer: 2 })] }))).toContain('layer 2 ffn_up');
  });

  test('what does not hold of a side by itself is a case', () => {
    const broken = [
      {
        check: 'rope-norm',
        step: 0,
        order: 6,
        layer: 0,
        stage: 'q_rope',
        token: 1,
        found: 1,
        wanted: 2,
        text: 'it grew',
      },
    ];
    const checks = { ...finding().report.checks, candidate: { broken, checked: {} } } as never;
    expect(casesOf(sick({ checks })).get('llama-probe by itself: rope-norm')?.failure?.message).toBe('it grew');
    expect(casesOf(finding({ checks })).get('llama-probe by itself: rope-norm')?.skipped?.message).toBe('it grew');
  });

  test('a gate knows better: what it allows is not red, and what it finds is', () => {
    const at = { step: 0, layer: 0, stage: 'q_rope' };
    const allowed = sick({}, { verdict: 'agree', notes: [{ level: 'warning', text: 'known until 2030-01-01', at }] });
    expect(red(allowed)).toEqual([]);
    expect(casesOf(allowed).get('layer 0 q_rope')?.skipped?.message).toContain('allowed: known until 2030-01-01');
    expect(red(sick({}, { verdict: 'agree' }))).toEqual([]);
    const worse = finding(
      {},
      {
        verdict: 'diverged',
        reason: 'worse',
        notes: [{ level: 'error', text: '5 times worse', at: { step: 0, layer: 0, stage: 'attn_rms' } }],
      },
    );
    expect(red(worse)).toEqual(['layer 0 attn_rms']);
    const other = finding(
      {},
      { verdict: 'diverged', reason: 'no baseline', notes: [{ level: 'error', text: 'no baseline' }] },
    );
    expect(red(other)).toEqual(['gate 1']);
    // A warning names the first of the stages that it is about.
    const faults = [fault({}), fault({ layer: 1 }), fault({ stage: 'v_proj' })];
    const v = { step: 0, layer: 0, stage: 'v_proj' };
    const warning = { level: 'warning' as const, text: 'known: and 1 more', at };
    const half = sick({ faults }, { notes: [{ level: 'error', text: 'it diverges', at: v }, warning] });
    expect(red(half)).toEqual(['layer 0 v_proj']);
    expect(casesOf(half).get('layer 0 v_proj')?.failure?.['#text']).toContain('it diverges');
    const unnamed = sick({ faults }, { notes: [{ level: 'error', text: '9 more stages' }, warning] });
    expect(red(unnamed)).toEqual(['layer 0 v_proj', 'layer 1 q_rope', 'gate 1']);
    const notice = sick({}, { notes: [{ level: 'notice', text: 'another limit', at }] });
    expect(red(notice)).toEqual(['layer 0 q_rope']);
    const failed = finding(
      { stages: [] },
      { verdict: 'incomparable', notes: [{ level: 'error', text: 'no such file' }] },
    );
    expect(casesOf(failed).get('gate 1')?.error?.message).toBe('no such file');
    expect(
      red(sick({}, { verdict: 'diverged', reason: 'why', notes: [{ level: 'warning', text: 'known', at }] })),
    ).toEqual(['verdict']);
  });

  test('counts over several runs, and is red exactly where one of them does not agree', () => {
    const suites = parse([finding(), sick({}, { name: 'b' }), nothing()]);
    expect(suites.map(({ failures, errors }) => Number(failures) + Number(errors))).toEqual([0, 1, 1]);
  });

  test('holds whatever a foreign dump calls its stages and says about itself', () => {
    const stages = [wrong({ stage: HOSTILE, reason: HOSTILE })];
    const one = finding(
      {
        verdict: 'diverged',
        reason: HOSTILE,
        stages,
        candidate: { name: HOSTILE, backend: HOSTILE, adapter: HOSTILE },
      },
      { name: HOSTILE, notes: [{ level: 'error', text: HOSTILE }] },
    );
    const [suite] = parse([one]);
    expect(suite?.testcase).toHaveLength(2);
  });
});

import type { Report } from '@llama-probe/comparison';
import { emptyReport } from '@llama-probe/comparison';
import type { CheckName, StageResult } from '@llama-probe/diff';
import { decodeGraph, type Graph, llamaGraph } from '@llama-probe/dump/stage';
import { describe, expect, test } from 'vitest';
import type { KnownFault } from '../src/config/case.js';
import { rootsOf } from '../src/judge/bad-stages.js';
import { judgeCase } from '../src/judge/judge-case.js';
import { allow } from '../src/judge/known.js';
import { changesSince } from '../src/judge/worsening.js';
import { goneNotes } from '../src/result.js';
import { baseline, result, stage } from './support/stages.js';

const LLAMA = llamaGraph({ layers: 1 });

describe('baselines', () => {
  test('with deltas that are not finite hold nobody to them', () => {
    const before = baseline([
      stage('kq', 0, Number.NaN),
      stage('kq', 1, Number.POSITIVE_INFINITY),
      stage('kqv', 0, 1e-7),
    ]);
    const now = [result('kq', 0, 1e-6), result('kq', 1, 1e-6), result('kqv', 0, 1e-6)];
    const { worse, better, most } = changesSince(before, now, { factor: 4 });
    expect(worse.map(({ stage }) => stage)).toEqual(['kqv']);
    expect(better).toEqual([]);
    expect(most?.stage).toBe('kqv');
  });

  test('hold a stage to its largest delta or floor of any step, and to f32 itself', () => {
    const before = baseline([stage('kq', 0, 1e-7), stage('kq', 0, 4e-7, 1e-7, 1), stage('embd', null, 0, 0)]);
    const worse = (stages: StageResult[]) =>
      changesSince(before, stages, { factor: 4 }).worse.map(({ stage }) => stage);
    expect(worse([result('kq', 0, 1.5e-6)])).toEqual([]);
    expect(worse([result('kq', 0, 1.7e-6)])).toEqual(['kq']);
    expect(worse([result('kq', 0, 1.7e-6, 5e-7)])).toEqual([]); // the machine's own reference is further from itself
    expect(worse([result('embd', null, 4e-7, 0)])).toEqual([]);
    expect(worse([result('embd', null, 5e-7, 0)])).toEqual(['embd']);
    expect(worse([result('kq', 0, Number.NaN)])).toEqual(['kq']);
  });

  test('say what got better', () => {
    const before = baseline([stage('kq', 0, 5e-6)]);
    expect(changesSince(before, [result('kq', 0, 1e-6)], { factor: 4 }).better).toHaveLength(1);
    expect(changesSince(before, [result('kq', 0, 2e-6)], { factor: 4 }).better).toHaveLength(0);
  });
});

describe('known faults', () => {
  const at = (name: string, layer: number | null, step = 0) => ({ step, layer, stage: name });
  const known = [{ index: 0, stages: ['q_*'], layers: [0], until: '2026-06-30', reason: 'issue 7' }];

  test('are allowed through their last day', () => {
    expect(allow([at('q_rope', 0)], known, '2026-06-30')).toMatchObject({ wrong: [], used: [0] });
    const late = allow([at('q_rope', 0)], known, '2026-07-01');
    expect(late.wrong).toHaveLength(1);
    expect(late.notes[0]).toMatchObject({ level: 'error' });
    expect(late.notes[0]?.text).toContain('2026-06-30');
  });

  test('are no others', () => {
    expect(allow([at('q_rope', 1), at('k_rope', 0)], known, '2026-01-01')).toMatchObject({ used: [], notes: [] });
    expect(allow([at('q_rope', 1), at('k_rope', 0)], known, '2026-01-01').wrong).toHaveLength(2);
  });

  test('what is downstream of a bad stage, in its step or through the cache, is not bad by itself', () => {
    const stages = [at('q_rope', 0), at('v_proj', 0), at('k_rope', 0), at('kq', 0), at('kq', 0, 1), at('v_proj', 0, 1)];
    const roots = (bad: (stage: { stage: string }) => boolean, own = (_: { stage: string; step: number }) => false) =>
      rootsOf(stages, LLAMA, bad, own).roots.map(({ stage, step }) => `${stage}@${step}`);
    expect(roots(() => true)).toEqual(['q_rope@0', 'v_proj@0', 'k_rope@0', 'v_proj@1']);
    expect(roots(({ stage }) => stage === 'kq')).toEqual(['kq@0', 'kq@1']);
    expect(roots(({ stage }) => stage === 'k_rope' || stage === 'kq')).toEqual(['k_rope@0']);
    expect(
      roots(
        ({ stage }) => stage === 'k_rope',
        ({ stage, step }) => stage === 'kq' && step === 1,
      ),
    ).toEqual(['k_rope@0', 'kq@1']);
  });

  test('in a model that is no Llama, what is computed from a bad stage by its own graph is not bad by itself', () => {
    const stages = [at('attn_out', 0), at('attn_post_norm', 0), at('ffn_inp', 0)]; // a Llama's has no norm in between
    const bad = ({ stage }: { stage: string }) => stage !== 'attn_out';
    const named = (graph: Graph, told?: (one: { stage: string }) => boolean) => {
      const { roots, downstream } = rootsOf(stages, graph, bad, () => false, told);
      return [roots, downstream].map((some) => some.map(({ stage }) => stage));
    };
    const post = { stage: 'attn_post_norm', op: 'MUL', inputs: ['attn_out'] };
    const sum = { stage: 'ffn_inp', op: 'ADD', inputs: ['attn_post_norm'] };
    const own = decodeGraph({
      ...{ before: [], after: [], layers: [0] },
      kinds: [[{ stage: 'attn_out', op: 'MUL_MAT' }, post, sum]],
    });
    expect(named(own)).toEqual([['attn_post_norm'], ['ffn_inp']]);
    expect(named(LLAMA, ({ stage }) => stage === 'ffn_inp')).toEqual([['attn_post_norm'], ['ffn_inp']]);
    expect(named(LLAMA)).toEqual([['attn_post_norm', 'ffn_inp'], []]);
  });
});

describe('a known fault without a second run', () => {
  const FAULT = { index: 0, stages: ['q_rope'], layers: [0], until: '2999-12-31', reason: 'issue 7' };
  const at = (name: string, layer: number | null, verdict: 'agree' | 'diverged' = 'diverged') =>
    ({ ...result(name, layer, verdict === 'agree' ? 0 : 1), verdict, limit: 1e-5, ofLimit: 1 }) as StageResult;
  const SICK = [
    at('embd', null, 'agree'),
    at('q_rope', 0),
    at('kq', 0),
    at('kq_soft_max', 0),
    at('kqv_out', 0, 'agree'),
  ];
  const broken = (stage: string, check: CheckName) => [
    { check, step: 0, order: 1, layer: 0, stage, token: 1, found: 2, wanted: 1, text: `${stage} is odd.` },
  ];
  const nothing = emptyReport().checks.candidate;
  const judged = (changes: Partial<Report>, known: readonly KnownFault[] = [FAULT]) =>
    judgeCase(
      { known, limits: [] },
      {
        report: { ...emptyReport(), verdict: 'diverged', stages: SICK, ...changes },
        held: { state: 'none' },
        sketches: new Map(),
        estimated: false,
        factor: 4,
        today: '2026-01-01',
      },
    );

  test('does not excuse what diverged downstream: nobody could tell whether it only inherits', () => {
    const { verdict, reason, used } = judged({});
    expect(verdict).toBe('incomparable');
    expect(reason).toMatch(
      /^2 further stages diverged downstream of the known fault of q_rope of layer 0, such as kq of layer 0/,
    );
    expect(used).toEqual([0]);
    expect(judged({ faults: [] }).verdict).toBe('agree'); // a second run told that they do
  });

  test('is enough where what is downstream is named too, until its day', () => {
    const rest = { ...FAULT, index: 1, stages: ['kq*'] };
    expect(judged({}, [FAULT, rest]).verdict).toBe('agree');
    expect(judged({}, [FAULT, { ...rest, until: '2020-01-01' }]).verdict).toBe('incomparable');
  });

  test('hides no stage that breaks what holds whatever its inputs are, and that the reference keeps', () => {
    const candidate = { ...nothing, broken: broken('kq_soft_max', 'softmax-sum') };
    const own = judged({ checks: { candidate, reference: nothing } });
    expect(own.verdict).toBe('diverged');
    expect(own.notes[0]).toMatchObject({ level: 'error', text: 'kq_soft_max is odd', at: { stage: 'kq_soft_max' } });
    expect(judged({ checks: { candidate, reference: candidate } }).verdict).toBe('incomparable');
    const inherited = { ...nothing, broken: broken('kq_soft_max', 'finite') };
    expect(judged({ checks: { candidate: inherited, reference: nothing } }).verdict).toBe('incomparable');
  });

  test('that is hidden by another one, or whose case could not be judged, is not called gone', () => {
    const hidden = { ...FAULT, index: 1, stages: ['kqv_out'] };
    expect(judged({}, [FAULT, hidden]).untold).toEqual([1]);
    expect(judged({ faults: [] }, [FAULT, hidden]).untold).toEqual([]);
    expect(judged({ verdict: 'incomparable', stages: [] }).untold).toEqual([0]);
    const use = { stages: ['kq'], until: '2026-01-01', reason: 'x', applied: 2, used: 0 };
    expect(goneNotes([{ ...use, untold: 0 }])).toHaveLength(1);
    expect(goneNotes([{ ...use, untold: 1 }])).toEqual([]);
  });
});

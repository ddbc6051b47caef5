import type { Finding } from '@llama-probe/comparison';
import { type About, Recorder } from '@llama-probe/comparison';
import { stageKey } from '@llama-probe/dump';
import { deltasOf, floatsOf, METRICS, type PageData } from '@llama-probe/page';
import { inShort, seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { html } from '../src/page/html.js';
import { fault, finding, nothing, sick, stage, wrong } from './support/findings.js';

const random = seeded();

/** What the page would show. */
const shown = (findings: readonly Finding[]): PageData =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html(findings))?.[1] ?? '');

const only = (one: Finding) => shown([one]).runs[0] as PageData['runs'][number];

/** A recorder that has seen rows of every stage of both passes; where the stage is wrong they differ, index 3 most of all. */
function recorded(of: Finding, { rows = 2, width = 8, heads = 2, spoil = Number.NaN } = {}): Finding {
  const recorder = new Recorder();
  recorder.begin({ heads: { heads, headsKv: heads } } as unknown as About);
  for (const pass of ['free', 'blame'] as const) {
    for (const one of of.report.stages) {
      const reference = Float32Array.from({ length: width }, (_, i) => i + 1);
      const candidate = reference.map((value, i) => value + (one.verdict === 'agree' ? 0 : i === 3 ? 2 : 0.25));
      const pairs = Array.from({ length: one.step === 0 ? rows : 1 }, (_, token) => {
        const own = candidate.slice();
        if (token === 1 && one.verdict !== 'agree') own[5] = spoil;
        return { token: one.step === 0 ? token : rows - 1 + one.step, candidate: own, reference };
      });
      recorder.stage(pass, one, pairs);
    }
  }
  return { ...of, recorder };
}

test('stages, faults and what inherits them, by number', () => {
  const run = only(sick());
  expect(run.places.map(({ stage, layer }) => [stage, layer])).toEqual([
    ['v_proj', 0],
    ['q_rope', 0],
    ['kq', 0],
  ]);
  expect(run.places[2]?.inputs).toEqual([1]); // kq from q_rope; there is no k_rope here
  expect(run.stages.step).toEqual([0, 0, 0, 1, 1, 1]);
  expect(run.stages.verdict).toBe('addadd');
  expect(run.stages.inherits).toEqual([-1, -1, 1, -1, -1, 4]);
  expect([...floatsOf(run.stages.local)]).toEqual([0, 0.5, 0, 0, 0.5, 0]);
  expect([...floatsOf(run.stages.floor)]).toEqual([-1, -1, -1, -1, -1, -1]);
  expect(run.first?.at).toBe(1);
  expect(run.faults).toMatchObject([{ place: 1, steps: [0, 1], local: 0.5 }]);
  expect(run.faults?.[0]?.cause).toMatchObject({
    confidence: 'confirmed',
    alike: ['rope-neox'],
    hint: 'a prompt of 8 tokens',
  });
});

test('what a stage is computed from is what the model says, through what the run does not have', () => {
  const stages = ['attn_out', 'ffn_inp'].map((name, order) => stage({ order, layer: 0, stage: name }));
  const kind = ['attn_out', 'attn_post_norm', 'ffn_inp'].map((name, i, names) => ({
    stage: name,
    op: 'ADD',
    inputs: names.slice(Math.max(0, i - 1), i),
  }));
  const graph = { before: [], after: [], kinds: [kind], layers: [0] };
  expect(only(finding({ stages, graph })).places.map(({ inputs }) => inputs)).toEqual([[], [0]]);
});

test('a closer look: rows, heads, worst values, and the values of faults; NaN stays NaN', () => {
  const { looks } = only(recorded(sick()));
  const at = looks.blame['1'];
  expect(at?.tokens).toBe(0);
  expect(floatsOf(at?.rows ?? '')[0]).toBeCloseTo(Math.sqrt(4 + 7 * 0.0625) / Math.sqrt(204), 5);
  expect(floatsOf(at?.rows ?? '')[1]).toBeNaN();
  expect(at?.heads).toBe(2);
  expect(deltasOf(at?.headRows ?? '').map(Number.isNaN)).toEqual([false, false, false, true]);
  expect([...floatsOf(at?.worst ?? '').subarray(0, 4)]).toEqual([1, 5, Number.NaN, 6]);
  expect(at?.histogram?.nonFinite).toBe(1);
  // The first wrong row first, then where the worst values are; of the head that holds the worst.
  expect(at?.values?.map(({ token, from, width }) => [token, from, width])).toEqual([
    [1, 4, 8],
    [0, 0, 8],
  ]);
  expect([...floatsOf(at?.values?.[0]?.candidate ?? '')]).toEqual([5.25, Number.NaN, 7.25, 8.25]);
  expect(looks.free['2']?.values).toBeUndefined(); // it only inherits
  expect(looks.free['2']?.worst).toBeDefined();
  expect(floatsOf(looks.free['0']?.metrics ?? '')).toHaveLength(METRICS.length);
  // Of the forced run there are no sums: those of the free one would be somebody else's.
  const metric = (pass: 'free' | 'blame', name: (typeof METRICS)[number]) =>
    floatsOf(looks[pass]['1']?.metrics ?? '')[METRICS.indexOf(name)];
  expect([metric('free', 'cosine'), metric('blame', 'cosine')]).toEqual([1, Number.NaN]);
  expect([metric('free', 'worstIndex'), metric('blame', 'worstIndex')]).toEqual([1, 5]);
});

test('a finding that was read from JSON, without a closer look and with null for what is no number', () => {
  const reason = 'NaN in the candidate only';
  const bad = wrong({
    reason,
    stage: 'kq',
    layer: 0,
    rel: Number.NaN,
    rms: Number.NaN,
    ofLimit: Number.POSITIVE_INFINITY,
  });
  const of = finding({ verdict: 'diverged', stages: [stage({}), bad] });
  const run = only(JSON.parse(JSON.stringify(of)) as Finding);
  expect([...floatsOf(run.stages.rel)]).toEqual([Math.fround(2.5e-7), Number.NaN]);
  expect(floatsOf(run.stages.ofLimit)[1]).toBeNaN();
  expect(run.whys).toEqual({ 1: { reason } });
  expect(run.looks).toEqual({ free: {}, blame: {} });
  expect(run.cut).toMatch(/single tokens/);
});

test('the sums of what is not finite leave it out, and are not shown as if it were nothing', () => {
  const firstNonFinite = { token: 0, index: 0 };
  const bad = wrong({ layer: 0, stage: 'q_rope', rel: 0, rms: 0, ofLimit: Number.POSITIVE_INFINITY, firstNonFinite });
  const where = { kind: { kind: 'nonfinite' }, text: 'they are NaN' } as unknown as NonNullable<
    ReturnType<typeof fault>['where']
  >;
  const run = only(sick({ stages: [bad], faults: [fault({ local: 0, where })] }));
  expect(floatsOf(run.stages.rel)[0]).toBeNaN();
  expect(floatsOf(run.stages.ofLimit)[0]).toBe(Number.POSITIVE_INFINITY);
  expect(run.faults?.[0]?.local).toBe(-1);
});

test('nothing compared, and several findings', () => {
  const note = { level: 'error', text: 'kq got worse', at: { step: 1, layer: 0, stage: 'kq' } } as const;
  const { runs } = shown([finding(), sick({}, { name: 'the sick one', notes: [note] }), nothing()]);
  expect(runs.map(({ verdict }) => verdict)).toEqual(['agree', 'diverged', 'incomparable']);
  expect(runs[1]?.notes).toEqual([{ level: 'error', text: 'kq got worse', at: 5 }]);
  expect(runs[2]?.remarks[0]).toMatch(/BOS token is missing/);
  expect(runs[2]?.stages.step).toEqual([]);
});

test('more reasons than there is room for: the most telling stay, and the rest is counted', () => {
  const inherits = { step: 0, layer: 0, stage: 'kq' };
  const stages = Array.from({ length: 320 }, (_, layer) => wrong({ layer, stage: 'kq', reason: 'NaN', inherits }));
  const own = wrong({ layer: 400, stage: 'kq', reason: 'its own' });
  const untold = wrong({ layer: 401, stage: 'kq', reason: 'other shapes', verdict: 'incomparable' });
  const run = only(finding({ verdict: 'diverged', stages: [...stages, own, untold] }));
  expect(run.whysLeft).toBe(22);
  expect([run.whys[320], run.whys[321], run.whys[297]]).toEqual([
    { reason: 'its own' },
    { reason: 'other shapes' },
    { reason: 'NaN' },
  ]);
  expect(run.whys[298]).toBeUndefined();
  expect(only(sick()).whysLeft).toBe(0);
});

describe('the size', () => {
  const names = [
    'attn_rms',
    'attn_norm',
    'q_proj',
    'k_proj',
    'v_proj',
    'q_rope',
    'k_rope',
    'kq',
    'kq_soft_max',
    'kqv_out',
  ];
  const more = ['attn_out', 'ffn_inp', 'ffn_rms', 'ffn_norm', 'ffn_gate', 'ffn_up', 'ffn_swiglu', 'ffn_out', 'l_out'];

  /** Every stage is wrong, q_rope of every layer by itself. */
  function deep(layers: number, steps: number): Finding {
    const origin = (step: number) => ({ step, layer: 0, stage: 'q_rope' });
    const stages = Array.from({ length: steps + 1 }, (_, step) =>
      Array.from({ length: layers }, (_, layer) =>
        [...names, ...more].map((stage) => {
          const inherits = stage === 'q_rope' ? null : origin(step);
          const rel = random();
          return wrong({
            step,
            layer,
            stage,
            rel,
            rms: rel / 3,
            floor: rel / 1e7,
            local: rel / 9,
            inherits,
            reason: 'a reason of some length, such as those have',
          });
        }),
      ).flat(),
    ).flat();
    const every = Array.from({ length: steps + 1 }, (_, step) => step);
    const faults = Array.from({ length: layers }, (_, layer) => fault({ layer, steps: every }));
    return sick({ stages, faults, first: { ...origin(0), order: 0, token: 1, cause: null, where: null } });
  }

  test.each(
    inShort(
      [
        ['a longer prompt and more heads than there is room for', 40, 1, 80, 40],
        ['32 layers, 64 tokens, 16 steps, all of it wrong', 32, 16, 64, 32],
      ] as const,
      1,
    ),
  )('%s: 2 MB at the most', (_, layers, steps, rows, heads) => {
    const of = deep(layers, steps);
    const page = html([recorded(of, { rows, heads, width: heads * 4, spoil: 1 })]);
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(2_000_000);
    const run = (JSON.parse(/id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '') as PageData).runs[0];
    // What matters most is there, whatever was cut.
    const first = of.report.stages.findIndex((one) => stageKey(one) === '0/0/q_rope');
    expect(run?.looks.blame[first]?.values?.length).toBeGreaterThan(0);
    expect(run?.stages.step).toHaveLength(of.report.stages.length);
    if (rows > 64) expect(run?.cut).toMatch(/^Of \d+ stages/);
  });
});

import { describe, expect, test } from 'vitest';
import type { Report } from '../packages/probe/src/index.js';
import { probe, probeJson } from './support/probe.js';
import { nameOf, upstreamOf } from './support/upstream.js';
import { type WRONG, wrong } from './support/wrong-kernels.js';

const RUN = ['compare', '--prompt', 'Hello, my friend!', '--steps', '1', '--reference', 'exact'];
const LAYERS = 4;
const inEveryLayer = (...stages: readonly string[]): string[] =>
  Array.from({ length: LAYERS }, (_, layer) => stages.map((stage) => `${stage} ${layer}`)).flat();

type Stage = Report['stages'][number];

/** The stages with a fault of their own, at each step. */
function faultyIn({ faults, stages }: Report): Stage[] {
  const names = new Set(faults?.flatMap(({ steps, ...at }) => steps.map((step) => nameOf({ ...at, step }))));
  return stages.filter((stage) => names.has(nameOf(stage)));
}

/** Of two stages the one that was evaluated later. */
const later = (a: Stage | undefined, b: Stage): Stage => (!a || b.order > a.order ? b : a);

/** Every stage that diverged has a fault of its own, or inherits from the last stage upstream of it that has one. */
function expectInheritance(report: Report): void {
  const faulty = faultyIn(report);
  for (const stage of report.stages) {
    const at = nameOf(stage);
    if (faulty.includes(stage)) {
      expect(stage.inherits, at).toBeNull();
      continue;
    }
    expect(stage.local, `local delta of ${at}`).toBeLessThanOrEqual(stage.limit);
    if (stage.verdict === 'agree') {
      expect(stage.inherits, at).toBeNull();
      continue;
    }
    const upstream = upstreamOf(stage, LAYERS);
    const origin = faulty.filter((fault) => upstream.has(nameOf(fault))).reduce(later, undefined as Stage | undefined);
    expect(origin, `a fault upstream of ${at}`).toBeDefined();
    expect(stage.inherits && nameOf(stage.inherits), at).toBe(origin && nameOf(origin));
  }
}

/** The wrong kernels, the stages that they compute, and the steps at which it shows. */
const CASES: readonly [string, readonly (keyof typeof WRONG)[], readonly string[], readonly number[]][] = [
  ['RoPE turns halves', ['ropeHalves'], inEveryLayer('q_rope', 'k_rope'), [0, 1]],
  ['SwiGLU with GELU', ['gelu'], inEveryLayer('ffn_swiglu'), [0, 1]],
  ['scores that are not scaled', ['unscaled'], inEveryLayer('kq_soft_max'), [0, 1]],
  ['residuals left out', ['noResidual'], inEveryLayer('ffn_inp', 'l_out'), [0, 1]],
  ['a cache that is overwritten', ['cacheAtZero'], inEveryLayer('kq', 'kqv_out'), [1]],
  [
    'three at once: epsilon, GELU, values in turns',
    ['epsilon', 'gelu', 'valuesInTurns'],
    [...inEveryLayer('attn_rms', 'kqv_out', 'ffn_rms', 'ffn_swiglu'), 'result_rms null'],
    [0, 1],
  ],
];

describe('after a run that diverged, every fault is told from what inherits it', () => {
  test.each(CASES)('%s', async (_, kernels, wanted, steps) => {
    const { code, json, stderr } = await probeJson(RUN, wrong(...kernels));
    expect(
      json.faults?.map(({ stage, layer }) => `${stage} ${layer}`),
      `${json.reason} ${stderr}`,
    ).toEqual(wanted);
    for (const fault of json.faults ?? []) {
      expect(fault.steps).toEqual(steps);
      expect(fault.local, nameOf(fault)).toBeGreaterThan(fault.limit);
      expect(fault.where?.text.length).toBeGreaterThan(0);
    }
    expectInheritance(json);
    const inheriting = json.stages.filter(({ inherits }) => inherits);
    expect(inheriting.length).toBeGreaterThan(10);
    const [first] = json.faults ?? [];
    expect(json.first).toMatchObject({
      order: first?.order,
      step: first?.step,
      layer: first?.layer,
      stage: first?.stage,
      token: first?.token,
      where: first?.where,
    });
    expect(json.reason).toContain(`${json.faults?.length} stages have a fault of their own`);
    expect(json.reason).toContain(`the other ${inheriting.length} that diverged inherit it`);
    expect(json.decode.firstDiverged).toBe(steps[0]);
    expect(json.verdict).toBe('diverged');
    expect(code).toBe(1);
  });

  test('the text lists the faults, and says of the others which one they inherit', async () => {
    const { code, stdout } = await probe(RUN, wrong('gelu', 'unscaled'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ layer +stage .+ of limit +local +verdict *$/m);
    expect(stdout).toMatch(/^ +0 +kq_soft_max .+ DIVERGED *$/m);
    expect(stdout).toMatch(/^ +0 +ffn_gate .+ inherited from kq_soft_max of layer 0 *$/m);
    expect(stdout).toMatch(/^ +2 +attn_rms .+ inherited from ffn_swiglu of layer 1 *$/m);
    expect(stdout).toMatch(
      /^wrong from llama\.cpp's inputs:\n {2}kq_soft_max of the layers 0 to 3 at the steps 0 to 1: local delta up to \d.+, limit 1e-5\n {4}where: every row but token 0 is wrong, .+\n {4}cause: .+\n {2}ffn_swiglu of the layers 0 to 3 .+\n {4}where: every row is wrong, .+\n {4}cause: .+$/m,
    );
  });
});

test('natively a decoded row whose own noise is above its free floor is no fault', async () => {
  const run = ['--quantize', 'BF16', '--reference', 'native', '--tokens', '117,63,942', '--steps', '16'];
  const { code, json } = await probeJson(['compare', ...run, '--teacher-forced']);
  expect(json.faults).toEqual([]);
  expect(code).toBe(0);
});

test('a prompt of 100 tokens and no step ends too', async () => {
  const tokens = Array.from({ length: 100 }, (_, i) => 300 + i).join();
  const { code, json } = await probeJson(['compare', '--tokens', tokens, '--steps', '0', '--teacher-forced']);
  expect(json.verdict, json.reason).toBe('agree');
  expect(json.faults).toEqual([]);
  expect(code).toBe(0);
});

describe('a kernel that writes NaN', () => {
  test('is the fault, and what it reaches inherits it, through the cache too', async () => {
    const { code, json } = await probeJson(RUN, wrong('nan'));
    expect(json.faults?.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(inEveryLayer('ffn_swiglu'));
    for (const fault of json.faults ?? []) {
      expect(fault).toMatchObject({ token: 2, steps: [0], where: { tokens: [[2, 2]], columns: [{ from: 3, to: 3 }] } });
      expect(fault.where?.kind).toMatchObject({ kind: 'nonfinite', nan: { candidate: 1, reference: 0 } });
    }
    expect(json.reason).toContain('the candidate has 1 NaN');
    expect(code).toBe(1);
    expectInheritance(json);
  });

  test('makes no choice of a token, and the text invents none', async () => {
    // Token 2 is the last: its logits are NaN.
    const { code, stdout } = await probe(['compare', '--tokens', '1,468,943', '--steps', '0'], wrong('nan'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/they are NaN$/m);
    expect(stdout).not.toMatch(/choices differ, \d+ and -1|prefers its own by NaN/);
  });
});

describe('--teacher-forced and --no-teacher-forced', () => {
  test('a healthy run has no fault, and a local delta of every stage', async () => {
    const { code, json } = await probeJson([...RUN, '--teacher-forced']);
    expect(json.faults).toEqual([]);
    expect(json.stages).toHaveLength(2 * (LAYERS * 19 + 4));
    for (const stage of json.stages) {
      expect(stage.local, nameOf(stage)).toBeLessThanOrEqual(stage.limit);
      expect(stage.local, nameOf(stage)).toBeGreaterThanOrEqual(0);
      expect(stage.inherits).toBeNull();
    }
    expect(json.verdict).toBe('agree');
    expect(json.first).toBeNull();
    expect(code).toBe(0);
  });

  test('a healthy run of a quantisation has none natively either', async () => {
    const { code, json } = await probeJson([
      ...['compare', '--prompt', 'Hello, my friend!', '--steps', '1', '--quantize', 'Q4_K'],
      ...['--reference', 'native', '--teacher-forced'],
    ]);
    expect(json.faults, json.reason).toEqual([]);
    expect(json.verdict).toBe('agree');
    expect(code).toBe(0);
  });

  test('without it a run that diverged has the first stage only', async () => {
    const { code, json } = await probeJson([...RUN, '--no-teacher-forced'], wrong('ropeHalves'));
    expect(json.faults).toBeNull();
    expect(json.first).toMatchObject({ step: 0, layer: 0, stage: 'q_rope' });
    expect(json.first?.where).not.toBeNull();
    for (const { local, inherits } of json.stages) expect([local, inherits]).toEqual([null, null]);
    expect(code).toBe(1);
  });
});

describe('with --stages and --layers', () => {
  test('the faults are still all found, and what was selected inherits from them', async () => {
    const few = ['--stages', 'kq,l_out', '--layers', '2'];
    const { code, json } = await probeJson([...RUN, ...few], wrong('ropeHalves'));
    expect(json.stages.map(nameOf)).toEqual(['0/2/kq', '0/2/l_out', '1/2/kq', '1/2/l_out']);
    expect(json.faults?.map(({ stage, layer }) => `${stage} ${layer}`)).toEqual(inEveryLayer('q_rope', 'k_rope'));
    expect(json.first).toMatchObject({ step: 0, layer: 0, stage: 'q_rope' });
    for (const { inherits, step } of json.stages) expect(inherits).toEqual({ step, layer: 2, stage: 'k_rope' });
    expect(code).toBe(1);
  });

  test('a fault after everything that was selected is not seen, and nothing is said of it', async () => {
    const few = ['--stages', 'embd,q_rope', '--layers', '0'];
    const { code, json } = await probeJson([...RUN, ...few], wrong('gelu'));
    expect(json).toMatchObject({ verdict: 'agree', first: null, faults: null });
    expect(code).toBe(0);
  });

  test('a healthy run of a quantisation is not accused of what was not selected', async () => {
    const few = ['--stages', 'q_proj,l_out', '--layers', '1'];
    const run = ['compare', '--prompt', 'Hello, my friend!', '--steps', '0', '--quantize', 'Q4_K'];
    const { code, json } = await probeJson([...run, '--reference', 'native', '--teacher-forced', ...few]);
    expect(json.faults?.map(nameOf), json.reason).toEqual([]);
    expect(json.verdict).toBe('agree');
    expect(code).toBe(0);
  });
});

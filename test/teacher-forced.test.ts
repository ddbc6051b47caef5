import { describe, expect, test } from 'vitest';
import { expectFaults, expectInheritance, inEveryLayer, LAYERS } from './support/inheritance.js';
import { probe, probeJson } from './support/session.js';
import { nameOf } from './support/upstream.js';
import { wrong } from './support/wrong-kernels.js';

const RUN = ['compare', '--prompt', 'Hello, my friend!', '--steps', '1', '--reference', 'exact'];
// test/faults.test.ts has one at a time.
describe('after a run that diverged, every fault is told from what inherits it', () => {
  test('three at once: epsilon, GELU, values in turns', async () => {
    const { code, json } = await probeJson(RUN, wrong('epsilon', 'gelu', 'valuesInTurns'));
    expectFaults(json, [...inEveryLayer('attn_rms', 'kqv_out', 'ffn_rms', 'ffn_swiglu'), 'result_rms null'], [0, 1]);
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
      /^wrong from llama\.cpp's inputs:\n {2}kq_soft_max of the layers 0 to 3 at the steps 0 to 1: local delta up to \d.+, limit 1e-5\n {4}where: every row but token 0 is wrong, .+\n {2}ffn_swiglu of the layers 0 to 3 .+\n {4}where: every row is wrong, .+$/m,
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

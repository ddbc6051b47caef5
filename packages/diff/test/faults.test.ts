import { STAGES } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import { type Comparison, explain, type StageResult } from '../src/index.js';

const LAYERS = 3;

/** Every stage of a pass of three layers, as they are evaluated. */
function pass(step: number, wrong: (stage: string, layer: number | null) => boolean): StageResult[] {
  const inLayers = STAGES.filter(({ perLayer }) => perLayer);
  const places: [string, number | null][] = [
    ['embd', null],
    ...Array.from({ length: LAYERS }, (_, layer) =>
      inLayers.map(({ name }) => [name, layer] as [string, number]),
    ).flat(),
    ...['result_rms', 'result_norm', 'result_output'].map((name) => [name, null] as [string, null]),
  ];
  return places.map(([stage, layer], i) => {
    const diverged = wrong(stage, layer);
    const verdict = diverged ? 'diverged' : 'agree';
    return {
      step,
      order: 100 * step + i,
      layer,
      stage,
      verdict,
      rel: diverged ? 0.1 : 1e-7,
      limit: 1e-5,
      token: 1,
      where: null,
    } as StageResult;
  });
}
const result = (stages: StageResult[], verdict: Comparison['verdict'] = 'diverged'): Comparison => {
  const first = verdict === 'diverged' ? stages.find((stage) => stage.verdict === 'diverged') : undefined;
  return {
    verdict,
    reason: 'so.',
    first: (first ?? null) as Comparison['first'],
    stages,
    ignored: [],
    alone: { candidate: { stages: 0, names: [], rows: 0 }, reference: { stages: 0, names: [], rows: 0 } },
    logits: null,
    greedy: [],
  };
};
const from = (name: string, layer: number) => (stage: string, at: number | null) => stage === name && at === layer;
const find = (stages: readonly StageResult[], stage: string, layer: number | null, step = 0) =>
  stages.find((one) => one.stage === stage && one.layer === layer && one.step === step) as StageResult;

describe('a teacher-forced run', () => {
  test('tells one faulty stage from all that inherit', () => {
    const after = pass(0, () => true).map((stage, i) => (i < 7 ? { ...stage, verdict: 'agree' as const } : stage));
    const explained = explain(result(after), result(pass(0, from('q_rope', 0))));
    expect(explained.faults).toMatchObject([{ stage: 'q_rope', layer: 0, step: 0, steps: [0], local: 0.1 }]);
    expect(explained.first).toMatchObject({ stage: 'q_rope', layer: 0, token: 1, cause: null });
    expect(explained.verdict).toBe('diverged');
    const origin = { stage: 'q_rope', layer: 0, step: 0 };
    expect(find(explained.stages, 'q_rope', 0)).toMatchObject({ local: 0.1, inherits: null });
    expect(find(explained.stages, 'kq', 0)).toMatchObject({ local: 1e-7, inherits: origin });
    expect(find(explained.stages, 'ffn_norm', 2).inherits).toEqual(origin);
    expect(find(explained.stages, 'result_output', null).inherits).toEqual(origin);
    expect(find(explained.stages, 'q_proj', 0).inherits).toBeNull();
    expect(explained.reason).toMatch(
      /^q_rope of layer 0 is the first stage that is wrong, from token 1 on, even with the reference's own inputs/,
    );
    expect(explained.reason).toContain('No other stage has a fault of its own');
  });

  describe('from the inputs that the candidate had', () => {
    const limits = { rel: 1e-5, row: 4e-5, value: 1e-3 };
    const none = { candidate: 0, reference: 0 };
    const finite = (stages: StageResult[]) =>
      stages.map((stage) => ({
        ...stage,
        limits,
        nan: none,
        inf: none,
        firstNonFinite: null,
        worstRow: null,
        maxAbs: 0,
      }));
    const withNan = (stages: StageResult[], places: Readonly<Record<string, readonly [number, number]>>, rel = 0) =>
      stages.map((stage) => {
        const [candidate, reference] = (stage.layer === 1 && places[stage.stage]) || [];
        if (candidate === undefined || reference === undefined) return stage;
        const at = { rel, nan: { candidate, reference }, firstNonFinite: { token: 3, index: 0 } };
        const verdict = candidate === reference ? ('incomparable' as const) : ('diverged' as const);
        return { ...stage, ...at, verdict };
      });
    const healthy = finite(pass(0, () => false));
    const free = result(finite(pass(0, () => true)));
    const faultsOf = (blamed: StageResult[]) =>
      explain(free, result(blamed), { inputsOf: 'candidate' }).faults.map(({ stage }) => stage);

    test('NaN that came in is no fault of a stage, where one side makes less of it than the other', () => {
      const places = { k_rope: [8, 0], kq_soft_max: [4, 9], kqv_out: [4, 12], attn_out: [4, 4] } as const;
      expect(faultsOf(withNan(healthy, places))).toEqual(['k_rope']);
      expect(faultsOf(withNan(healthy, { v_proj: [8, 0], kqv_out: [8, 64] }))).toEqual(['v_proj']);
    });

    test('what is wrong besides, or has more of it, or has it from nowhere, is one', () => {
      const places = { k_rope: [8, 0], kq_soft_max: [4, 9] } as const;
      const wrong = withNan(healthy, places).map((stage) =>
        stage.stage === 'kq_soft_max' ? { ...stage, rel: 0.1 } : stage,
      );
      expect(faultsOf(wrong)).toEqual(['k_rope', 'kq_soft_max']);
      expect(faultsOf(withNan(healthy, { k_rope: [8, 0], kq_soft_max: [9, 4] }))).toEqual(['k_rope', 'kq_soft_max']);
      expect(faultsOf(withNan(healthy, { ffn_gate: [8, 0], ffn_up: [8, 9] }))).toEqual(['ffn_gate', 'ffn_up']);
    });
  });

  test('lists three faults, and each stage inherits from the last one upstream of it', () => {
    const own = (stage: string, layer: number | null) =>
      from('q_rope', 0)(stage, layer) || from('v_proj', 1)(stage, layer) || from('ffn_swiglu', 1)(stage, layer);
    const { faults, stages, reason } = explain(result(pass(0, () => true)), result(pass(0, own)));
    expect(faults.map(({ stage, layer }) => [stage, layer])).toEqual([
      ['q_rope', 0],
      ['v_proj', 1],
      ['ffn_swiglu', 1],
    ]);
    expect(find(stages, 'kq', 1).inherits).toMatchObject({ stage: 'q_rope', layer: 0 }); // v_proj is not upstream of it
    expect(find(stages, 'kqv_out', 1).inherits).toMatchObject({ stage: 'v_proj', layer: 1 });
    expect(find(stages, 'k_proj', 2).inherits).toMatchObject({ stage: 'ffn_swiglu', layer: 1 });
    expect(reason).toContain('3 stages have a fault of their own');
  });

  test('follows an error through the KV cache into later steps, and lists a fault once for all its steps', () => {
    const forced = [...pass(0, from('k_rope', 1)), ...pass(1, () => false), ...pass(2, from('k_rope', 1))];
    const free = [...pass(0, () => true), ...pass(1, () => true), ...pass(2, () => true)];
    const { faults, stages } = explain(result(free), result(forced));
    expect(faults).toMatchObject([{ stage: 'k_rope', layer: 1, step: 0, steps: [0, 2] }]);
    expect(find(stages, 'kq', 1, 1).inherits).toEqual({ stage: 'k_rope', layer: 1, step: 0 });
    expect(find(stages, 'q_rope', 1, 1).inherits).toBeNull(); // nothing upstream of it is wrong
    expect(find(stages, 'l_out', 2, 2).inherits).toEqual({ stage: 'k_rope', layer: 1, step: 2 });
  });

  test('without a faulty stage leaves the verdict of the free run, and says so', () => {
    const explained = explain(
      result(pass(0, from('l_out', 2))),
      result(
        pass(0, () => false),
        'agree',
      ),
    );
    expect(explained).toMatchObject({ verdict: 'diverged', faults: [], first: { stage: 'l_out', layer: 2 } });
    expect(explained.reason).toContain('no stage is wrong: the error builds up');
    expect(
      explain(
        result(
          pass(0, () => false),
          'agree',
        ),
        result(
          pass(0, () => false),
          'agree',
        ),
      ),
    ).toMatchObject({ verdict: 'agree', reason: 'so.' });
  });

  test('finds a fault that the free run has not shown', () => {
    const explained = explain(
      result(
        pass(0, () => false),
        'agree',
      ),
      result(pass(0, from('ffn_up', 2))),
    );
    expect(explained).toMatchObject({ verdict: 'diverged', first: { stage: 'ffn_up', layer: 2 } });
  });

  describe('where no stage is over its limit by itself', () => {
    const at = (stages: StageResult[], stage: string, layer: number, change: Partial<StageResult>) =>
      stages.map((one) => (one.stage === stage && one.layer === layer ? { ...one, ...change } : one));
    const measured = () => pass(0, () => false).map((stage) => ({ ...stage, floor: 1e-7, ofLimit: 0.01 }));
    const over = (ofLimit: number) =>
      at(at(measured(), 'kqv_out', 1, { verdict: 'diverged', rel: ofLimit * 1e-5, ofLimit }), 'attn_out', 1, {
        verdict: 'diverged',
        rel: 1.1e-5,
        ofLimit: 1.1,
      });

    test('a small excess is rounding that added up, with its numbers, and the two agree', () => {
      const { verdict, first, faults, reason, stages } = explain(result(over(1.6)), result(measured(), 'agree'));
      expect({ verdict, first, faults }).toEqual({ verdict: 'agree', first: null, faults: [] });
      expect(reason).toBe(
        "No stage is wrong by itself. kqv_out of layer 1 and 1 more are over the limit, at most 1.6 times (kqv_out of layer 1: 1.6e-5, limit 1e-5), and from the reference's own inputs at 0.01 of it: rounding that added up.",
      );
      expect(find(stages, 'kqv_out', 1)).toMatchObject({ verdict: 'agree', reason: 'rounding that added up' });
    });

    test('nor does an error begin anywhere then', () => {
      const between = { after: null, stages: ['kqv'], layers: [1] };
      const explained = explain({ ...result(over(1.6)), between }, result(measured(), 'agree'));
      expect(explained).toMatchObject({ verdict: 'agree' });
      expect(explained.between).toBeUndefined();
    });

    test('a large one is not, nor one at a stage that was not looked at', () => {
      expect(explain(result(over(3.1)), result(measured(), 'agree')).verdict).toBe('diverged');
      const without = measured().filter(({ stage, layer }) => stage !== 'attn_out' || layer !== 1);
      expect(explain(result(over(1.6)), result(without, 'agree')).verdict).toBe('diverged');
    });

    test('a stage that is many times its floor is the fault, though the minimum forgives it, and what follows inherits', () => {
      const jump = at(measured(), 'attn_rms', 1, { rel: 6e-6, ofLimit: 0.6 });
      const { verdict, first, faults, reason, stages } = explain(result(over(1.6)), result(jump, 'agree'));
      expect({ verdict, first }).toMatchObject({ verdict: 'diverged', first: { stage: 'attn_rms', layer: 1 } });
      expect(faults).toMatchObject([{ stage: 'attn_rms', local: 6e-6, limits: { rel: 10 * 2 ** -23 } }]);
      expect(reason).toContain('the limit of 1e-5 forgives that, but it is 50 times what rounding makes of this stage');
      expect(find(stages, 'kqv_out', 1).inherits).toEqual({ stage: 'attn_rms', layer: 1, step: 0 });
    });

    test('where the floor is larger, so is what is forgiven', () => {
      const jump = at(measured(), 'attn_rms', 1, { rel: 6e-6, ofLimit: 0.6, floor: 2.1e-7 });
      expect(explain(result(over(1.6)), result(jump, 'agree')).verdict).toBe('agree');
    });
  });
});

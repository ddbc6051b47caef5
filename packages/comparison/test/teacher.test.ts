import { compare, explain, type Heads } from '@llama-probe/diff';
import { stageKey, type Tensor } from '@llama-probe/dump';
import { type Engine, type Hook, openEngine } from '@llama-probe/engine';
import { openReference, type Reference } from '@llama-probe/reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUNDLED_MODEL } from '../src/model.js';
import { Teacher } from '../src/teacher.js';

const RULE = { margin: 10, minimum: 1e-5 };

/** An error of a size relative to a row, put into one row of one stage as if a kernel had made it. */
interface Fault {
  readonly step: number;
  readonly layer: number | null;
  readonly stage: string;
  readonly token: number;
  readonly size: number;
}

let engine: Engine;
let reference: Reference;
let plan: { tokens: number[]; steps: number; forcedTokens: number[] };
let heads: Heads;
const healthy = new Map<string, Tensor>();

beforeAll(async () => {
  engine = await openEngine({ model: BUNDLED_MODEL });
  reference = await openReference({ model: BUNDLED_MODEL, mode: 'exact' });
  heads = { heads: engine.config.headCount, headsKv: engine.config.headCountKv };
  const tokens = await reference.tokenize('Hello, my friend!');
  const { generated } = await reference.run({ tokens, steps: 1, stages: [] }).result;
  plan = { tokens, steps: 2, forcedTokens: generated };
  for await (const tensor of engine.run({ ...plan, hook: { record: () => true } }).tensors) {
    healthy.set(stageKey(tensor), tensor);
  }
}, 60_000);
afterAll(async () => {
  engine?.close();
  await reference?.close();
});

/** A hook that makes these mistakes, from whatever rows the stage should have had. */
function faulty(hook: Hook, faults: readonly Fault[], right: (at: string) => Tensor): Hook {
  return {
    ...hook,
    inject: (at) => {
      const fault = faults.find((one) => stageKey(one) === stageKey(at));
      if (!fault) return undefined;
      const { values, width } = right(stageKey(at));
      const wrong = values.slice();
      const begin = (fault.token - at.firstPosition) * width;
      const norm = Math.hypot(...values.subarray(begin, begin + width).filter(Number.isFinite));
      for (let i = 0; i < width; i++) {
        const sign = (i * 2654435761) % 7 < 3 ? 1 : -1;
        wrong[begin + i] = (wrong[begin + i] as number) + (sign * fault.size * norm) / Math.sqrt(width);
      }
      return wrong;
    },
  };
}

async function explained(faults: readonly Fault[]) {
  const tokens = [...plan.tokens, ...plan.forcedTokens];
  const options = { rule: RULE, tokens: { candidate: tokens, reference: tokens }, ...heads };
  // Free: the mistakes are made on the rows of a healthy run, which what comes before leaves as they are.
  const hook = faulty({ record: () => true }, faults, (at) => healthy.get(at) as Tensor);
  const free = await compare(engine.run({ ...plan, hook }).tensors, reference.run(plan).tensors, options);
  const teacher = new Teacher(reference.run(plan).tensors);
  const forcedHook = faulty(teacher.hook, faults, (at) => healthy.get(at) as Tensor);
  const forced = await compare(engine.run({ ...plan, hook: forcedHook }).tensors, teacher.tensors(), options);
  return explain(free, forced);
}

const where = ({
  step,
  layer,
  stage,
  token,
}: {
  step: number;
  layer: number | null;
  stage: string;
  token: number | null;
}) => ({ step, layer, stage, token });

describe("from the reference's inputs", () => {
  test('a healthy engine has no fault, and each stage is closer than in the free run or as close', async () => {
    const { verdict, faults, stages } = await explained([]);
    expect(verdict).toBe('agree');
    expect(faults).toEqual([]);
    expect(stages).toHaveLength(240);
    for (const { local, limit } of stages) expect(local).toBeLessThanOrEqual(limit);
    const [last, embd] = [stages.find(({ stage }) => stage === 'result_output'), stages[0]];
    expect(last?.local).toBeLessThan(last?.rel as number);
    expect(embd?.local).toBe(0);
  });

  test('three faults in different layers and stages are all listed, and nothing else', async () => {
    const faults: Fault[] = [
      { step: 0, layer: 0, stage: 'v_proj', token: 2, size: 1e-3 },
      { step: 0, layer: 1, stage: 'ffn_norm', token: 4, size: 1e-4 },
      { step: 0, layer: 3, stage: 'kqv_out', token: 1, size: 1e-2 },
    ];
    const result = await explained(faults);
    expect(result.verdict).toBe('diverged');
    expect(result.faults.map(where)).toEqual(faults.map(where));
    expect(result.first).toMatchObject(where(faults[0] as Fault));
    const inherits = (stage: string, layer: number) =>
      result.stages.find((one) => one.step === 0 && one.stage === stage && one.layer === layer)?.inherits;
    expect(inherits('ffn_inp', 0)).toMatchObject({ stage: 'v_proj', layer: 0 });
    expect(inherits('l_out', 1)).toMatchObject({ stage: 'ffn_norm', layer: 1 });
    expect(inherits('attn_out', 3)).toMatchObject({ stage: 'kqv_out', layer: 3 });
    // Everything that diverged is either a fault or inherits from one.
    for (const stage of result.stages.filter(({ verdict }) => verdict === 'diverged')) {
      const isFault = faults.some((fault) => stageKey(fault) === stageKey(stage));
      expect(stage.inherits === null, stageKey(stage)).toBe(isFault);
    }
  });

  test('a fault of one decode step is found at that step, and its error followed through the cache', async () => {
    const fault = { step: 1, layer: 2, stage: 'k_rope', token: plan.tokens.length, size: 1e-3 };
    const result = await explained([fault]);
    expect(result.faults).toMatchObject([{ ...where(fault), steps: [1] }]);
    const later = result.stages.find(({ step, stage, layer }) => step === 2 && stage === 'kq' && layer === 2);
    expect(later).toMatchObject({ verdict: 'diverged', inherits: { step: 1, stage: 'k_rope', layer: 2 } });
  });
});

describe('a teacher', () => {
  const tensor = (stage: string, layer: number | null, order: number): Tensor => ({
    step: 0,
    order,
    layer,
    stage,
    tokens: Int32Array.of(0),
    width: 1,
    values: Float32Array.of(order),
  });
  const all = [tensor('embd', null, 0), tensor('l_out', 0, 1), tensor('l_out', 1, 2), tensor('result_output', null, 3)];
  async function* stream(pulled: number[]): AsyncGenerator<Tensor> {
    for (const one of all) {
      pulled.push(one.order);
      yield one;
    }
  }
  const at = (stage: string, layer: number | null) =>
    ({ step: 0, order: 0, layer, stage, firstPosition: 0, tokens: 1, width: 1 }) as Parameters<Hook['record']>[0];
  const layer = (layer: number | null) => ({ step: 0, layer, firstPosition: 0, tokens: 1 });

  test('reads only as far as the engine needs', async () => {
    const pulled: number[] = [];
    const { hook } = new Teacher(stream(pulled));
    await hook.prepare?.(layer(0));
    expect(pulled).toEqual([0, 1]);
    expect(hook.overwrite?.(at('embd', null))).toEqual(Float32Array.of(0));
    await hook.prepare?.(layer(null));
    expect(hook.overwrite?.(at('result_output', null))).toEqual(Float32Array.of(3));
  });

  test('gives every tensor to the comparison, in order, whoever reads first', async () => {
    const teacher = new Teacher(stream([]));
    const tensors = teacher.tensors();
    expect((await tensors.next()).value).toBe(all[0]);
    await teacher.hook.prepare?.(layer(1));
    const rest: Tensor[] = [];
    for await (const one of tensors) rest.push(one);
    expect(rest).toEqual(all.slice(1));
  });

  test('says which stage the reference lacks', async () => {
    const { hook } = new Teacher(stream([]));
    await hook.prepare?.(layer(1));
    expect(() => hook.overwrite?.(at('kq', 1))).toThrow('the reference has no 0/1/kq/0');
  });
});

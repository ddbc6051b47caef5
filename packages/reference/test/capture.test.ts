import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STAGE_NAMES, STAGES, type Tensor } from '@llama-probe/dump';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import './support/kept.js';
import { openReference, type Reference, type ReferenceMode, type RunOptions } from '../src/reference.js';
import { type TinyModel, writeTinyModel } from './support/tiny-model.js';

const directory = mkdtempSync(join(tmpdir(), 'llama-probe-capture-'));
afterAll(() => rmSync(directory, { recursive: true }));

let reference: Reference | undefined;
afterEach(async () => {
  await reference?.close();
  reference = undefined;
});

async function open(name: string, model: TinyModel = {}, mode: ReferenceMode = 'native'): Promise<Reference> {
  await reference?.close();
  reference = await openReference({ model: writeTinyModel(join(directory, `${name}.gguf`), model), mode });
  return reference;
}

async function collect(
  from: Reference,
  options: RunOptions,
): Promise<{ tensors: Tensor[]; generated: number[]; notes: string[] }> {
  const run = from.run(options);
  const tensors: Tensor[] = [];
  for await (const tensor of run.tensors) tensors.push(tensor);
  return { tensors, ...(await run.result) };
}

const TOKENS = [1, 5, 9, 17, 3, 8, 11];

/** llama.cpp evaluates V before K; otherwise its order is the vocabulary's. */
function expectedOrder(layers: number): string[] {
  const inLayer = STAGES.filter((stage) => stage.perLayer).map((stage) => stage.name);
  const attention = ['q_proj', 'q_rope', 'v_proj', 'k_proj', 'k_rope'];
  const first = inLayer.indexOf('q_proj');
  const ordered = inLayer.filter((name) => !attention.includes(name));
  ordered.splice(first, 0, ...(attention as typeof ordered));
  return [
    'embd',
    ...Array.from({ length: layers }, (_, layer) => ordered.map((name) => `${name}-${layer}`)).flat(),
    'result_rms',
    'result_norm',
    'result_output',
  ];
}

const key = ({ layer, stage }: Tensor) => (layer === null ? stage : `${stage}-${layer}`);
const find = (tensors: Tensor[], stage: string, layer: number | null = 0, step = 0) => {
  const found = tensors.find((tensor) => tensor.stage === stage && tensor.layer === layer && tensor.step === step);
  if (!found) throw new Error(`no ${stage}`);
  return found;
};

describe('stages', () => {
  const variants: Record<string, TinyModel> = {
    plain: {},
    tied: { tied: true },
    bias: { biases: true },
    'every head its own k and v': { kvHeads: 4 },
    'three layers': { layers: 3 },
  };
  for (const [name, model] of Object.entries(variants)) {
    test(`the whole vocabulary once per step, in order: ${name}`, async () => {
      const { tensors, notes } = await collect(await open(name, model), { tokens: TOKENS, steps: 2 });
      expect(notes).toEqual([]);
      for (const step of [0, 1, 2]) {
        expect(tensors.filter((tensor) => tensor.step === step).map(key)).toEqual(expectedOrder(model.layers ?? 2));
      }
      expect(tensors.map((tensor) => tensor.order)).toEqual(tensors.map((_, index) => index));
    });
  }

  test('one matrix for q, k and v gives the same stages', async () => {
    const { tensors } = await collect(await open('fused', { fused: true }), { tokens: TOKENS });
    expect([...new Set(tensors.map((tensor) => tensor.stage))].sort()).toEqual([...STAGE_NAMES].sort());
    expect(find(tensors, 'q_proj').width).toBe(64);
    expect(find(tensors, 'v_proj').width).toBe(32);
  });

  test('with a bias, the projection is what comes after it', async () => {
    const { tensors } = await collect(await open('biased', { biases: true }), {
      tokens: [4],
      stages: ['q_proj', 'q_rope'],
      layers: [0],
    });
    // position 0 is not rotated
    expect(find(tensors, 'q_proj').values).toEqual(find(tensors, 'q_rope').values);
  });

  test('mixture-of-experts nodes belong to the vocabulary', async () => {
    const { tensors, notes } = await collect(await open('experts', { experts: 4 }), { tokens: TOKENS });
    const stages = new Set(tensors.map((tensor) => tensor.stage));
    for (const stage of [
      'ffn_moe_logits',
      'ffn_moe_probs',
      'ffn_moe_topk',
      'ffn_moe_weights',
      'ffn_moe_out',
      'l_out',
    ]) {
      expect(stages).toContain(stage);
    }
    expect(find(tensors, 'ffn_moe_logits').width).toBe(4);
    const chosen = find(tensors, 'ffn_moe_topk');
    expect(chosen.width).toBe(2);
    expect([...chosen.values].every((expert) => [0, 1, 2, 3].includes(expert))).toBe(true);
    expect(notes).toEqual([]);
  });

  test.each([
    ['a Llama', {}],
    ['a Llama with a bias there', { outputBias: true }],
    ['a Qwen2, whose product has no name', { architecture: 'qwen2', biases: true }],
  ] as const)('what attention gives out is one stage a layer, and the whole of it: %s', async (name, model) => {
    const { tensors } = await collect(await open(`out ${name}`, model), { tokens: TOKENS, stages: 'all' });
    const named = tensors.filter(({ stage }) => stage.startsWith('attn_out'));
    expect(named.map(key)).toEqual(['attn_out-0', 'attn_out-1']);
    // the residual that it is added to says whether it is all
    const [embd, out, sum] = [find(tensors, 'embd', null), find(tensors, 'attn_out'), find(tensors, 'ffn_inp')];
    const { values } = sum;
    expect(values).toEqual(values.map((_, i) => (embd.values[i] as number) + (out.values[i] as number)));
  });

  test('only the stages and layers that were asked for', async () => {
    const { tensors } = await collect(await open('some'), {
      tokens: TOKENS,
      stages: ['ffn_rms', 'k_proj', 'result_output'],
      layers: [1],
    });
    expect(tensors.map(key)).toEqual(['k_proj-1', 'ffn_rms-1', 'result_output']);
  });

  test('a stage that no node becomes is told', async () => {
    const opened = await open('misspelt');
    const { tensors, notes } = await collect(opened, { tokens: TOKENS, stages: ['k_prj', 'embd'] });
    expect(tensors.map(key)).toEqual(['embd']);
    expect(notes).toEqual(['no node of this model is k_prj']);
    await expect(collect(opened, { tokens: TOKENS, stages: ['k_prj'] })).rejects.toMatchObject({
      code: 'stages-unknown',
      message: expect.stringMatching(/no node of this model is k_prj .*It has .*k_proj/),
    });
  });

  test("'all' adds llama.cpp's other nodes under their own names", async () => {
    const { tensors } = await collect(await open('everything'), { tokens: TOKENS, stages: 'all' });
    const names = tensors.map(key);
    expect(names).toEqual(expect.arrayContaining(expectedOrder(2)));
    expect(names).toContain('kqv-0');
    expect(new Set(names).size).toBe(names.length);
    expect(find(tensors, 'kqv').values).toEqual(find(tensors, 'kqv_out').values);
  });
});

describe('rows', () => {
  test('shapes, positions and what the mask hides', async () => {
    const { tensors } = await collect(await open('rows'), { tokens: TOKENS, steps: 1 });
    const heads = 4;
    for (const tensor of tensors) {
      expect(tensor.values.length).toBe(tensor.positions.length * tensor.width);
      expect([...tensor.positions]).toEqual(tensor.step === 0 ? [0, 1, 2, 3, 4, 5, 6] : [7]);
    }
    const [kq, softMax] = [find(tensors, 'kq', 1), find(tensors, 'kq_soft_max', 1)];
    expect(kq.width).toBe(heads * 7);
    expect(find(tensors, 'kq', 1, 1).width).toBe(heads * 8);
    for (let token = 0; token < 7; token++) {
      for (let head = 0; head < heads; head++) {
        let sum = 0;
        for (let position = 0; position < 7; position++) {
          const at = token * kq.width + head * 7 + position;
          expect(Number.isNaN(kq.values[at])).toBe(position > token);
          if (position > token) expect(softMax.values[at]).toBe(0);
          sum += softMax.values[at] as number;
        }
        expect(sum).toBeCloseTo(1, 5);
      }
    }
    expect(find(tensors, 'kq', 1, 1).values.some(Number.isNaN)).toBe(false);
  });

  test('kq is the product of the rotated rows, head by head', async () => {
    const { tensors } = await collect(await open('product'), { tokens: TOKENS, layers: [0] });
    const [q, k, kq] = [find(tensors, 'q_rope'), find(tensors, 'k_rope'), find(tensors, 'kq')];
    const headDim = 16;
    for (const [token, head, position] of [
      [6, 3, 2],
      [4, 0, 4],
      [5, 1, 0],
      [6, 2, 6],
    ] as const) {
      let product = 0;
      for (let i = 0; i < headDim; i++) {
        product +=
          (q.values[token * 64 + head * headDim + i] as number) *
          (k.values[position * 32 + (head >> 1) * headDim + i] as number);
      }
      expect(kq.values[token * kq.width + head * 7 + position]).toBeCloseTo(product, 4);
    }
  });

  test('with a smaller batch, stages come in pieces that together are the same rows', async () => {
    const opened = await open('pieces');
    const whole = await collect(opened, { tokens: TOKENS, stages: ['l_out', 'kq', 'result_output'] });
    const pieces = await collect(opened, { tokens: TOKENS, stages: ['l_out', 'kq', 'result_output'], ubatch: 3 });
    const parts = pieces.tensors.filter((tensor) => key(tensor) === 'l_out-1');
    expect(parts.map((tensor) => [...tensor.positions])).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    const joined = parts.flatMap((tensor) => [...tensor.values]);
    const rows = find(whole.tensors, 'l_out', 1).values;
    expect(Math.max(...joined.map((value, i) => Math.abs(value - (rows[i] as number))))).toBeLessThan(1e-4);
    expect(pieces.tensors.filter((tensor) => key(tensor) === 'kq-0').map((tensor) => tensor.width)).toEqual([
      12, 24, 28,
    ]);
    expect(pieces.generated).toEqual(whole.generated);
  });
});

describe('running', () => {
  test('asking for every node does not change the logits: bit for bit', async () => {
    const opened = await open('unchanged');
    const all = await collect(opened, { tokens: TOKENS, steps: 3, stages: 'all' });
    const logits = await collect(opened, { tokens: TOKENS, steps: 3, stages: ['result_output'] });
    const none = await collect(opened, { tokens: TOKENS, steps: 3, stages: [] });
    expect(none.tensors).toEqual([]);
    expect(none.generated).toHaveLength(4);
    expect(all.generated).toEqual(none.generated);
    expect(logits.generated).toEqual(none.generated);
    const of = (tensors: Tensor[]) =>
      tensors.filter((tensor) => tensor.stage === 'result_output').map((tensor) => tensor.values);
    expect(of(all.tensors)).toEqual(of(logits.tensors));
  });

  test('generated tokens are the argmax of the logits, and the next step is fed with them', async () => {
    const { tensors, generated } = await collect(await open('greedy'), {
      tokens: TOKENS,
      steps: 2,
      stages: ['result_output'],
    });
    tensors.forEach((tensor, step) => {
      const row = [...tensor.values.slice(-tensor.width)];
      expect(generated[step]).toBe(row.indexOf(Math.max(...row)));
    });
    const continued = await collect(reference as Reference, {
      tokens: [...TOKENS, ...generated.slice(0, 2)],
      stages: [],
    });
    expect(continued.generated[0]).toBe(generated[2]);
  });

  test('forced tokens are fed instead', async () => {
    const opened = await open('forced');
    const forced = await collect(opened, { tokens: TOKENS, forcedTokens: [7, 4], stages: [] });
    expect(forced.generated).toHaveLength(3);
    const straight = await collect(opened, { tokens: [...TOKENS, 7, 4], stages: [] });
    expect(forced.generated[2]).toBe(straight.generated[0]);
  });

  test('whoever leaves early leaves a usable reference', async () => {
    const opened = await open('early');
    for await (const tensor of opened.run({ tokens: TOKENS, steps: 5 }).tensors) {
      if (tensor.order === 3) break;
    }
    const { tensors } = await collect(opened, { tokens: TOKENS });
    expect(tensors.map(key)).toEqual(expectedOrder(2));
  });

  test('runs queue up, and requests may come between them', async () => {
    const opened = await open('queue');
    const [a, b, ids] = await Promise.all([
      collect(opened, { tokens: TOKENS }),
      collect(opened, { tokens: TOKENS.slice(0, 3) }),
      opened.tokenize('hello'),
    ]);
    expect(a.tensors).toHaveLength(b.tensors.length);
    expect(b.tensors[0]?.positions).toHaveLength(3);
    expect(ids[0]).toBe(1);
  });

  const mistakes: [string, RunOptions, string, RegExp][] = [
    ['no tokens', { tokens: [] }, 'tokens-empty', /empty/],
    ['a token of another model', { tokens: [1, 99999] }, 'token-out-of-range', /token 1 is 99999.*0 to 279/],
    ['too few forced tokens', { tokens: [1], steps: 3, forcedTokens: [1] }, 'steps', /3 steps.*1 forced/],
    ['a negative number of steps', { tokens: [1], steps: -1 }, 'run-option', /steps is -1/],
  ];
  for (const [what, options, code, message] of mistakes) {
    test(`${what} is refused, and the reference goes on`, async () => {
      const opened = await open('mistakes');
      await expect(collect(opened, options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect((await collect(opened, { tokens: TOKENS })).tensors).not.toHaveLength(0);
    });
  }

  test('a context that is too small is refused', async () => {
    const model = writeTinyModel(join(directory, 'context.gguf'));
    reference = await openReference({ model, mode: 'native', contextLength: 5 });
    await expect(collect(reference, { tokens: TOKENS })).rejects.toMatchObject({ code: 'context-too-small' });
  });
});

/** 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

describe("what llama.cpp's CPU reads from a table of f16 values", () => {
  const MODELS = {
    GEGLU: {
      model: { architecture: 'gemma', tied: true },
      stage: 'ffn_geglu',
      right: (x: number, up: number) => gelu(x) * up,
      inputs: ['ffn_gate', 'ffn_up'],
    },
    'GELU, which is put in the place of its input': {
      model: { architecture: 'starcoder2', isPlain: true, outputBias: true },
      stage: 'ffn_gelu',
      right: gelu,
      inputs: ['ffn_up_b'],
    },
  } as const;
  const options = { tokens: TOKENS, steps: 2, stages: 'all' } as const;

  for (const [name, { model, stage, right, inputs }] of Object.entries(MODELS)) {
    test(`${name} is what f32 makes of its inputs in \`exact\`, and what llama.cpp makes of them in \`native\``, async () => {
      const worst = async (mode: ReferenceMode) => {
        const { tensors } = await collect(await open(`${stage} ${mode}`, model, mode), options);
        const deltas = [0, 1, 2].flatMap((step) =>
          [0, 1].map((layer) => {
            const [x, up] = inputs.map((input) => find(tensors, input, layer, step).values);
            const { values } = find(tensors, stage, layer, step);
            return values.reduce(
              (most, value, i) =>
                Math.max(most, Math.abs(value - (right as typeof MODELS.GEGLU.right)(x?.[i] as number, up?.[i] ?? 1))),
              0,
            );
          }),
        );
        return Math.max(...deltas);
      };
      expect(await worst('exact')).toBeLessThan(3e-7);
      expect(await worst('native')).toBeGreaterThan(3e-5);
    });

    test(`${name}: from given rows it is what f32 makes of those`, async () => {
      const opened = await open(`${stage} given`, model, 'exact');
      const run = { ...options, steps: 0 };
      const { tensors } = await collect(opened, run);
      const turned = find(tensors, inputs[0], 1);
      const given = { ...turned, values: turned.values.slice().reverse() };
      const from = (async function* () {
        yield given;
      })();
      const again = await collect(opened, { ...run, from });
      const up = inputs[1] && find(again.tensors, inputs[1], 1).values;
      const { values } = find(again.tensors, stage, 1);
      const apply = right as typeof MODELS.GEGLU.right;
      const deltas = values.map((value, i) => Math.abs(value - apply(given.values[i] as number, up?.[i] ?? 1)));
      expect(Math.max(...deltas)).toBeLessThan(3e-7);
    });

    test(`${name}: the logits are the same whether anything is captured or not, and follow from it`, async () => {
      const logits = async (stages: RunOptions['stages']) => {
        const { tensors } = await collect(reference as Reference, { ...options, stages, logits: stages?.length === 0 });
        return tensors
          .filter((tensor) => tensor.stage === 'result_output')
          .map(({ values, width }) => values.slice(-width));
      };
      await open(`${stage} logits`, model, 'exact');
      const exact = await logits([]);
      expect(await logits(['result_output'])).toEqual(exact);
      await open(`${stage} logits`, model, 'native');
      expect(await logits(['result_output'])).not.toEqual(exact);
    });
  }
});

import type { Tensor } from '@llama-probe/dump';
import { Graph, llamaGraph } from '@llama-probe/dump/stage';
import { stream } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { compare, describe as inWords, judge, type StageResult, showLimit, tokenDifference } from '../src/index.js';
import { tensor } from './support/tensors.js';

const run = (candidate: Tensor[], reference: Tensor[], limit = 0.01) =>
  compare(stream(candidate), stream(reference), {
    rule: { margin: 10, minimum: limit },
    tokens: { candidate: [1, 2], reference: [1, 2] },
  });

const NAN = Number.NaN;
/** A run of two layers: each stage has two tokens with two values. */
const healthy = (): Tensor[] => [
  tensor('embd', [1, 2, 3, 4], { layer: null, width: 2, order: 0 }),
  tensor('q_proj', [1, 2, 3, 4], { width: 2, order: 1 }),
  tensor('kq', [1, NAN, 3, 4], { width: 2, order: 2 }),
  tensor('q_proj', [5, 6, 7, 8], { layer: 1, width: 2, order: 3 }),
  tensor('result_output', [1, 5, 4, 2], { layer: null, width: 2, order: 4 }),
];
const change = (at: number, values: number[]) =>
  healthy().map((one, i) => (i === at ? { ...one, values: Float32Array.from(values) } : one));
const leave = (at: number) => healthy().filter((_, i) => i !== at);

describe('a comparison', () => {
  test('agrees with itself, stage by stage, in order', async () => {
    const result = await run(healthy(), healthy());
    expect(result.verdict).toBe('agree');
    expect(result.first).toBeNull();
    expect(result.stages.map(({ stage, layer }) => [stage, layer])).toEqual(
      healthy().map(({ stage, layer }) => [stage, layer]),
    );
    expect(result.stages[2]).toMatchObject({ count: 3, shape: [2, 2], rel: 0, floor: null, local: null });
    expect(result.reason).toMatch(/^All 5 stages agree/);
  });

  test('diverges at the first stage over the limit, from the first token over it', async () => {
    const wrong = change(1, [1, 2, 3, 4.5]);
    wrong[3] = { ...(wrong[3] as Tensor), values: Float32Array.of(9, 9, 9, 9) };
    const result = await run(wrong, healthy());
    expect(result.verdict).toBe('diverged');
    expect(result.first).toEqual({
      order: 1,
      step: 0,
      layer: 0,
      stage: 'q_proj',
      token: 1,
      cause: null,
      where: expect.anything(),
    });
    expect(result.stages.map(({ verdict }) => verdict)).toEqual(['agree', 'diverged', 'agree', 'diverged', 'agree']);
    expect(result.stages[1]?.rel).toBeCloseTo(0.5 / Math.sqrt(30), 6);
    expect(result.reason).toBe(
      'q_proj of layer 0 is the first stage that is wrong, from token 1 on: its relative RMS delta is 9.1e-2, the limit is 0.01.',
    );
  });

  test('a stage may have a limit of its own', async () => {
    const wrong = change(3, [5, 6, 7, 8.5]);
    const judged = (lax: number | null) =>
      compare(stream(wrong), stream(healthy()), {
        rule: ({ layer }) => ({ margin: 10, minimum: layer === lax ? 0.5 : 0.01 }),
        tokens: { candidate: [1, 2], reference: [1, 2] },
      });
    expect((await judged(0)).first).toMatchObject({ stage: 'q_proj', layer: 1 });
    const allowed = await judged(1);
    expect(allowed.verdict).toBe('agree');
    expect(allowed.stages.map(({ limit }) => limit)).toEqual([0.01, 0.01, 0.01, 0.5, 0.01]);
  });

  test('a wrong row does not hide behind a row of large values', async () => {
    const rows = (second: number) => [tensor('l_out', [2e5, 1, 1, 1, second, 1, 1, 1], { width: 4 })];
    const result = await run(rows(1.5), rows(1), 1e-5);
    expect(result.first).toMatchObject({ stage: 'l_out', token: 1 });
    expect(result.stages[0]?.rel).toBeLessThan(1e-5);
    expect(result.reason).toMatch(/the row of token 1 alone has a relative RMS delta of 2\.5e-1/);
  });

  test('a NaN of the reference is a mask only where a mask can be', async () => {
    const kq = (values: number[]) => [tensor('kq', values, { width: 2 })];
    const compareHeads = (candidate: Tensor[], reference: Tensor[]) =>
      compare(stream(candidate), stream(reference), {
        rule: { margin: 10, minimum: 0.01 },
        tokens: { candidate: [1, 2], reference: [1, 2] },
        heads: 1,
      });
    expect((await compareHeads(kq([1, 9, 3, 4]), kq([1, NAN, 3, 4]))).verdict).toBe('agree');
    expect((await compareHeads(kq([1, 9, 3, 4]), kq([1, NAN, NAN, 4]))).verdict).toBe('diverged');
  });

  test('what a window of the reference hides is not compared, and a hole in it is', async () => {
    const kq = (values: number[]) => [tensor('kq', values, { width: 3 })];
    const graph = new Graph(llamaGraph({ layers: 1, heads: 1 }).stages, { heads: 1, headsKv: 1 }, true);
    const against = (reference: number[], of: Graph | undefined) =>
      compare(stream(kq([1, 9, 9, 3, 4, 9, 5, 6, 7])), stream(kq(reference)), {
        rule: { margin: 10, minimum: 0.01 },
        tokens: { candidate: [1, 2, 3], reference: [1, 2, 3] },
        heads: 1,
        graph: of,
      });
    const windowed = [1, NAN, NAN, 3, 4, NAN, NAN, 6, 7];
    expect(await against(windowed, graph)).toMatchObject({ verdict: 'agree', stages: [{ count: 5 }] });
    expect((await against(windowed, undefined)).verdict).toBe('diverged'); // a Llama has no windows
    expect((await against([1, NAN, NAN, 3, 4, NAN, 5, NAN, 7], graph)).verdict).toBe('diverged');
    expect((await against([1, NAN, NAN, 3, 4, NAN, NAN, NAN, NAN], graph)).verdict).toBe('diverged');
  });

  test('scores are compared however many positions each pass had seen', async () => {
    const whole = tensor('kq', [1, NAN, 5, NAN, 2, 3, 6, 7], { width: 4 }); // two heads
    const first = tensor('kq', [1, 5], { width: 2, positions: Int32Array.of(0) });
    const second = tensor('kq', [2, 3, 6, 7], { width: 4, positions: Int32Array.of(1) });
    const heads = { rule: { margin: 10, minimum: 0.01 }, tokens: { candidate: [1, 2], reference: [1, 2] }, heads: 2 };
    const result = await compare(stream([first, second]), stream([whole]), heads);
    expect(result).toMatchObject({ verdict: 'agree', stages: [{ count: 6 }] });
    const off = await compare(
      stream([first, { ...second, values: Float32Array.of(2, 3, 6, 8) }]),
      stream([whole]),
      heads,
    );
    expect(off.first).toMatchObject({ stage: 'kq', token: 1 });
  });

  test('says which nodes only one side has, and expects those of a mixture of experts', async () => {
    const named = await run(healthy(), [...healthy(), tensor('some_node', [1])]);
    expect(named).toMatchObject({ verdict: 'agree', ignored: ['some_node'] });
    expect(named.reason).toMatch(/Only in the reference, and not compared: 1 stage \(some_node\)\.$/);
    expect((await run(healthy(), [...healthy(), tensor('ffn_moe_out', [1])])).verdict).toBe('incomparable');
  });

  test('the limit itself still agrees', async () => {
    const rel = 0.5 / Math.sqrt(30);
    expect((await run(change(1, [1, 2, 3, 4.5]), healthy(), rel)).verdict).toBe('agree');
    expect((await run(change(1, [1, 2, 3, 4.5]), healthy(), rel * 0.999)).verdict).toBe('diverged');
  });

  test('evaluation order decides what is first, not the order of arrival; and steps come one after the other', async () => {
    const later = tensor('embd', [1, 1], { layer: null, step: 1, first: 2, order: 0 });
    const wrongLater = { ...later, values: Float32Array.of(2, 2) };
    const result = await run([wrongLater, ...change(3, [0, 0, 0, 0])].reverse(), [later, ...healthy()]);
    expect(result.first).toMatchObject({ step: 0, layer: 1, stage: 'q_proj' });
    expect(result.stages.at(-1)).toMatchObject({ step: 1, stage: 'embd', verdict: 'diverged' });
  });

  test('NaN and Inf on one side diverge', async () => {
    for (const value of [NAN, Number.POSITIVE_INFINITY]) {
      const sick = () => change(3, [5, 6, value, 8]);
      for (const [candidate, reference] of [
        [sick(), healthy()],
        [healthy(), sick()],
      ] as const) {
        const result = await run(candidate, reference, 1e9);
        expect(result.first).toMatchObject({ stage: 'q_proj', layer: 1, token: 1 });
        expect(result.reason).toMatch(/NaN .* Inf.*first is at token 1, index 0/);
      }
    }
  });

  test("NaN of both sides in the same places is the model's, and no engine's fault", async () => {
    const model = () => change(1, [1, NAN, 3, 4]);
    const same = await run(model(), model());
    expect(same).toMatchObject({ verdict: 'incomparable', first: null });
    expect(same.reason).toBe(
      "q_proj of layer 0: both sides have one value that is NaN, the first at token 0, index 1: the model's weights make that, not an engine (probe weights --model names those that have NaN or infinities themselves).",
    );
    // It goes on through either engine in its own way.
    const spread = await run(
      model().with(3, tensor('q_proj', [NAN, 6, 7, 8], { layer: 1, width: 2, order: 3 })),
      model().with(3, tensor('q_proj', [NAN, NAN, 7, 8], { layer: 1, width: 2, order: 3 })),
    );
    expect(spread).toMatchObject({ verdict: 'incomparable', reason: same.reason });
    // What is wrong besides is wrong, and so is NaN before it or of one side alone.
    expect((await run(change(1, [1, NAN, 3, 5]), model())).first).toMatchObject({ stage: 'q_proj', layer: 0 });
    expect(
      (await run(model().with(0, tensor('embd', [1, 2, 3, NAN], { layer: null, width: 2, order: 0 })), model())).first,
    ).toMatchObject({ stage: 'embd' });
    expect((await run(change(1, [1, NAN, NAN, 4]), model())).first).toMatchObject({ stage: 'q_proj', layer: 0 });
  });

  test('zero on one side diverges, however lax the limit', async () => {
    expect((await run(healthy(), change(1, [0, 0, 0, 0]), 1e9)).first).toMatchObject({ stage: 'q_proj', layer: 0 });
    expect((await run(change(1, [0, 0, 0, 0]), healthy(), 0.99)).first).toMatchObject({ stage: 'q_proj', layer: 0 });
  });

  test.each(['candidate', 'reference'])('a stage that the %s lacks is incomparable', async (side) => {
    const result = await (side === 'candidate' ? run(leave(3), healthy()) : run(healthy(), leave(3)));
    expect(result.verdict).toBe('incomparable');
    expect(result.reason).toBe(`q_proj of layer 1: missing in the ${side}.`);
    expect(result.first).toBeNull();
  });

  describe('of what both sides have', () => {
    const ids = { candidate: [1, 2], reference: [1, 2] };
    const loose = (candidate: Tensor[], reference: Tensor[], graph?: Graph) =>
      compare(stream(candidate), stream(reference), {
        rule: { margin: 10, minimum: 0.01 },
        tokens: ids,
        strict: false,
        graph,
      });

    test('agrees about that, and counts the rest', async () => {
      const few = await loose(leave(3), healthy());
      expect(few).toMatchObject({ verdict: 'agree', ignored: [] });
      expect(few.stages).toHaveLength(4);
      expect(few.alone).toEqual({
        candidate: { stages: 0, names: [], rows: 0 },
        reference: { stages: 1, names: ['q_proj'], rows: 0 },
      });
      expect(few.reason).toMatch(
        /^All 4 stages agree; .* Only in the reference, and not compared: 1 stage \(q_proj\)\.$/,
      );
      expect((await loose(healthy(), leave(4))).reason).toMatch(
        /Only in the candidate, and not compared: 1 stage \(result_output\)\.$/,
      );
      expect((await loose([], healthy())).verdict).toBe('incomparable');
    });

    test('takes the rows that there are: of the logits, the last', async () => {
      const last = (values: number[]) =>
        healthy().with(4, tensor('result_output', values, { layer: null, width: 2, order: 4, first: 1 }));
      const right = await loose(last([4, 2]), healthy());
      expect(right).toMatchObject({ verdict: 'agree', alone: { reference: { stages: 0, rows: 1 } } });
      expect(right.stages.at(-1)).toMatchObject({ stage: 'result_output', shape: [1, 2] });
      expect(right.reason).toMatch(/Only in the reference, and not compared: 1 row of stages that both have\.$/);
      expect((await loose(last([4, 3]), healthy())).first).toMatchObject({ stage: 'result_output', token: 1 });
    });

    test('says between which the error begins, where what lies there was not compared', async () => {
      const wrong = change(4, [1, 5, 4, 3]).filter(({ order }) => order === 0 || order === 4);
      const between = await loose(wrong, healthy());
      expect(between.first).toMatchObject({ stage: 'result_output' });
      expect(between.reason).toContain(
        'The error begins between embd, which agrees, and result_output, which is wrong, from token 1 on: its relative RMS delta is 1.5e-1, the limit is 0.01. The 3 stages between them are not in the candidate; capture there: --stages q_proj,kq --layers 0,1.',
      );
      expect(between.between).toEqual({
        after: { step: 0, layer: null, stage: 'embd' },
        stages: ['q_proj', 'kq'],
        layers: [0, 1],
      });
      const whole = await loose(change(4, [1, 5, 4, 3]), healthy());
      expect(whole.between).toBeUndefined();
      expect(whole.reason).toMatch(/^result_output is the first stage that is wrong/);
    });

    test('asks the graph what lies between: what is not upstream is no gap', async () => {
      const graph = llamaGraph({ layers: 1 });
      const all = ['embd', 'attn_rms', 'attn_norm', 'q_proj', 'k_proj', 'v_proj', 'q_rope'].map((stage, order) =>
        tensor(stage, [1, 2], { layer: stage === 'embd' ? null : 0, order }),
      );
      const sick = (without: string[]) =>
        all
          .filter(({ stage }) => !without.includes(stage))
          .map((one) => (one.stage === 'q_rope' ? { ...one, values: Float32Array.of(1, 3) } : one));
      const one = { candidate: [1], reference: [1] };
      const judged = (without: string[]) =>
        compare(stream(sick(without)), stream(all), {
          rule: { margin: 10, minimum: 0.01 },
          tokens: one,
          strict: false,
          graph,
        });
      expect((await judged(['k_proj', 'v_proj'])).reason).toMatch(
        /^q_rope of layer 0 is the first stage that is wrong/,
      );
      expect((await judged(['q_proj', 'attn_rms'])).reason).toMatch(
        /begins between attn_norm of layer 0, which agrees, and q_rope of layer 0.* The stage between them is not in the candidate; capture there: --stages q_proj --layers 0\./,
      );
      expect((await judged(['embd', 'attn_rms', 'attn_norm', 'q_proj', 'k_proj', 'v_proj'])).reason).toMatch(
        /^q_rope of layer 0 is wrong.* What it is computed from is not in the candidate; capture there: --stages embd,attn_rms,attn_norm,q_proj --layers 0\./,
      );
    });

    test('layers that the model does not have are not those beside them', async () => {
      const graph = llamaGraph({ layers: 2 });
      const shifted = healthy().map((one) => (one.layer === null ? one : { ...one, layer: one.layer + 1 }));
      const beyond = await loose(shifted, healthy(), graph);
      expect(beyond).toMatchObject({ verdict: 'incomparable', first: null });
      expect(beyond.reason).toMatch(
        /^The candidate has a layer 2, and the model has the layers 0 to 1\. It seems to count them from 1; count them from 0\./,
      );
      const node = tensor('linear', [1, 2], { layer: 35, order: 9 });
      expect(await loose([...healthy(), node], healthy(), graph)).toMatchObject({ verdict: 'agree' });
    });
  });

  test("a node under a name of one side's own was not expected of the other", async () => {
    const own = tensor('inp_scaled', [1, 2], { order: 9 });
    const result = await run([...healthy(), own], healthy());
    expect(result.verdict).toBe('agree');
    expect(result.stages).toHaveLength(5);
    // But where both have it somewhere, it is missing where one has not.
    const both = await run([...healthy(), own, { ...own, layer: 1 }], [...healthy(), own]);
    expect(both).toMatchObject({ verdict: 'incomparable', reason: 'inp_scaled of layer 1: missing in the reference.' });
  });

  test('a part of the tokens, or rows of another width, do not fit', async () => {
    const part = tensor('q_proj', [1, 2], { width: 2, order: 1 });
    expect((await run(healthy().with(1, part), healthy())).verdict).toBe('incomparable');
    const wide = tensor('q_proj', [1, 2, 3, 4, 5, 6], { width: 3, order: 1 });
    const result = await run(healthy().with(1, wide), healthy());
    expect(result.verdict).toBe('incomparable');
    expect(result.reason).toContain("the candidate's rows have 3 values, the reference's 2");
  });

  test('nothing in common, or nothing at all, is incomparable', async () => {
    expect(await run([], [])).toMatchObject({ verdict: 'incomparable', stages: [] });
    expect((await run([tensor('a', [1])], [tensor('b', [1])])).verdict).toBe('incomparable');
    const hidden = await run(change(2, [NAN, NAN, NAN, NAN]), change(2, [NAN, NAN, NAN, NAN]));
    expect(hidden).toMatchObject({ verdict: 'incomparable', reason: 'kq of layer 0: it has no values to compare.' });
  });

  test('the tokens come first', async () => {
    const tokens = { candidate: [1, 2, 3], reference: [1, 9] };
    const result = await compare(stream(healthy()), stream(healthy()), { rule: { margin: 10, minimum: 1 }, tokens });
    expect(result).toMatchObject({ verdict: 'incomparable', stages: [], logits: null });
    expect(result.reason).toMatch(/at position 1 the candidate has 2 and the reference has 9 \(3 and 2 tokens\)/);
    expect(tokenDifference([1, 2], [1, 2])).toBeUndefined();
    expect(tokenDifference([1], [1, 2])).toMatch(/position 1 the candidate has nothing and the reference has 2/);
  });

  test("the logits are those of the prompt's last token", async () => {
    const { logits } = await run(change(4, [9, 9, 2, 4]), healthy());
    expect(logits?.topK.candidate).toEqual([
      { id: 1, logit: 4 },
      { id: 0, logit: 2 },
    ]);
    expect(logits?.topK.reference[0]).toEqual({ id: 0, logit: 4 });
    expect(logits?.top1Agree).toBe(false);
  });
});

describe('the verdict', () => {
  const stage = (verdict: StageResult['verdict'], at: Partial<StageResult> = {}) =>
    ({
      step: 0,
      layer: 0,
      stage: 'kq',
      order: 0,
      rel: 1e-6,
      limit: 1e-5,
      ofLimit: 0.1,
      token: 0,
      where: null,
      verdict,
      ...at,
    }) as StageResult;

  test('of no stages is none', () => expect(judge([]).verdict).toBe('incomparable'));

  test('diverged comes before incomparable, and that before agree', () => {
    const [ok, wrong] = [stage('agree'), stage('diverged', { order: 2, layer: 2 })];
    const unknown = stage('incomparable', { reason: 'why' });
    expect(judge([ok, unknown, wrong])).toMatchObject({ verdict: 'diverged', first: { layer: 2 } });
    expect(judge([ok, unknown])).toEqual({ verdict: 'incomparable', reason: 'kq of layer 0: why.', first: null });
    expect(judge([ok]).verdict).toBe('agree');
  });

  test('names the stage closest to its limit, not the one with the largest delta', () => {
    const tight = stage('agree', { rel: 3e-6, limit: 4e-6, ofLimit: 0.75, layer: 3 });
    expect(judge([stage('agree', { rel: 5e-6 }), tight]).reason).toBe(
      'All 2 stages agree; the closest to its limit is kq of layer 3 with a relative RMS delta of 3.0e-6 (limit 4e-6).',
    );
  });

  test('words', () => {
    expect(inWords({ step: 0, layer: 3, stage: 'kq' })).toBe('kq of layer 3');
    expect(inWords({ step: 2, layer: null, stage: 'embd' })).toBe('embd at step 2');
    expect([1e-5, 0.15, 2.5e-6, 0.01].map(showLimit)).toEqual(['1e-5', '0.15', '2.5e-6', '0.01']);
  });
});

import { describe, expect, test } from 'vitest';
import { operationOf, type StageCase } from '../../oracle/src/index.js';
import { graphCases, olderCases } from '../../oracle/test/graph-cases.js';
import { casesOf, tiny } from '../../oracle/test/tiny-model.js';
import { distance, evaluate } from '../src/check/evaluate.js';
import { build, canBeWritten } from '../src/recipe/build.js';
import { selected, selections, unitOf } from '../src/recipe/selection.js';

/** Every selection of a case: the check's functions, which share no code with the oracle, make the oracle's numbers of it. */
async function expectSame(c: StageCase, right: Float64Array, operation = operationOf(c)): Promise<void> {
  const rows = Float32Array.from(right);
  const width = right.length / c.rows;
  const random = right.map((_, i) => ((i * 7919) % 101) / 101);
  const all = [...selections(random, rows, c.rows, unitOf(c, operation, width))];
  expect(all.length).toBeGreaterThan(0);
  for (const selection of all) {
    const recipe = build(c, selection);
    const made = await evaluate(recipe);
    expect([made.rows, made.columns]).toEqual([selection.rows.length, selection.columns.length]);
    const wanted = selected(right, width, selection);
    // The inputs were rounded to float32: where terms cancel in what was selected, its own size says less of that than all the stage's does.
    const share = Math.min(1, rms(wanted) / rms(right));
    expect(
      distance(made.values, wanted) * share,
      `${c.stage} ${selection.rows.length} × ${selection.columns.length}`,
    ).toBeLessThan(3e-6);
    // A single wrong value is seen.
    const at = wanted.findIndex((value) => Math.abs(value) > 0.01);
    if (at >= 0) expect(distance(made.values.with(at, 2 * (wanted[at] as number)), wanted)).toBeGreaterThan(1e-4);
    expect(recipe.calls.at(-1)?.out).toBe('expected');
    expect(new Set(recipe.inputs.map(({ variable }) => variable)).size).toBe(recipe.inputs.length);
  }
}

/** Of what no mask hides. */
function rms(values: ArrayLike<number>): number {
  const seen = Array.from(values).filter((value) => !Number.isNaN(value));
  return Math.sqrt(seen.reduce((sum, value) => sum + value ** 2, 0) / seen.length);
}

describe('a recipe makes what the oracle makes, however it is cut', () => {
  test.each([
    ['a Llama with a bias and a head of its own', { bias: true, head: true }],
    ['a Llama whose pairs are slowed, with a tied head', { freqs: true }],
    ['a Llama with YaRN', { yarn: true }],
  ])('%s, in the prompt and in a decode step', async (_, extras) => {
    const cases = casesOf(tiny(['F32', 'Q8_0', 'Q4_K', 'F16'], extras)).filter(({ c }) => c.layer !== 0);
    for (const { c, right } of cases) await expectSame(c, right);
    expect(new Set(cases.map(({ c }) => c.step))).toEqual(new Set([0, 1]));
  });

  test('what a Llama does not have: norms of heads, a window, sinks, soft-caps, GEGLU, a factor, experts', async () => {
    const all = graphCases();
    const cases = all.filter(({ operation }) => canBeWritten(operation));
    const unwritten = all.filter(({ operation }) => !canBeWritten(operation));
    expect(new Set(unwritten.map(({ operation }) => operation.op))).toEqual(new Set(['top-k']));
    for (const { c, right, operation } of cases) await expectSame(c, right, operation);
    expect(new Set(cases.map(({ operation }) => operation.op)).size).toBeGreaterThan(18);
    const older = olderCases().filter(({ operation }) => !canBeWritten(operation));
    expect(older.map(({ c }) => c.stage)).toEqual(
      ['attn_ln', 'q_rope', 'k_rope', 'kq_soft_max', 'ffn_ln', 'ffn_gelu'], // not a norm's bias, whose LayerNorm was captured
    );
  });
});

describe('what is kept of a weight', () => {
  const cases = casesOf(tiny(['Q4_K'], {}));
  const of = (stage: string) => cases.find(({ c }) => c.stage === stage)?.c as StageCase;

  test('of a product: the rows of the outputs that are kept, whole, and their blocks as they are in the file', () => {
    const c = of('q_proj');
    const { inputs } = build(c, { rows: [2], columns: [5, 9] });
    const weight = inputs.find((input) => input.weight);
    const file = c.model.weight('blk.0.attn_q.weight');
    const bytes = 144; // a row of 256 weights is one block
    expect(weight).toMatchObject({
      name: 'blk.0.attn_q.weight',
      rows: 2,
      columns: 256,
      variable: 'blk_0_attn_q_weight',
    });
    expect(weight?.weight).toMatchObject({ type: 'Q4_K', shape: [256, 256], rows: [5, 9] });
    expect([...(weight?.weight?.blocks?.subarray(bytes) ?? [])]).toEqual([
      ...(file?.bytes.subarray(9 * bytes, 10 * bytes) ?? []),
    ]);
  });

  test('of a table: the rows of the ids', () => {
    const c = of('embd');
    const { inputs, calls } = build(c, { rows: [4, 1], columns: [0, 1, 2] });
    const ids = [c.tokens[4] as number, c.tokens[1] as number];
    const kept = [...new Set(ids)].sort((a, b) => a - b);
    expect(inputs[0]?.weight?.rows).toEqual(kept);
    expect(calls[0]?.values).toEqual({ ids: { counts: ids.map((id) => kept.indexOf(id)) } });
  });
});

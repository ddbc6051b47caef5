import { STAGE_NAMES } from '@llama-probe/dump';
import { describe, expect, test } from 'vitest';
import type { Bug } from '../../src/bug.js';
import type { CaseModel, StageCase } from '../../src/case.js';
import { CATALOGUE } from '../../src/catalogue.js';
import { computeStage } from '../../src/compute.js';
import { type DiagnoseOptions, diagnose } from '../../src/diagnose/diagnose.js';
import type { Limits } from '../../src/diagnose/distance.js';
import type { Variation } from '../../src/variation.js';
import { CONFIG, engineRows, limitsOf, random, randomCase, randomModel } from './random-cases.js';

const known = (id: string, rest: Partial<Bug>): Bug => ({
  id,
  title: `${id} is wrong`,
  stages: ['q_rope'],
  changes: 'Something.',
  look: `The line of ${id}.`,
  source: 'a/b#1',
  variants: () => [],
  example: () => undefined,
  ...rest,
});
const one = (id: string, variation: Variation, rest: Partial<Bug> = {}) =>
  known(id, { variants: () => [{ variation }], ...rest });

const halves = one('halves', { rope: { pairs: 'halves' } });
const backwards = one('backwards', { rope: { direction: -1 } });
const theta = known('theta', {
  search: {
    name: 'rope_freq_base',
    scale: 'log',
    range: () => [10, 1e9],
    right: (c) => c.model.config.ropeFreqBase,
    variation: (base) => ({ rope: { base } }),
  },
});
const epsilon = known('eps', {
  stages: ['attn_rms'],
  search: {
    name: 'rms_norm_eps',
    scale: 'log',
    range: () => [1e-12, 1e-2],
    right: (c) => c.model.config.rmsEpsilon,
    variation: (epsilon) => ({ norm: { epsilon } }),
  },
});

const limits = limitsOf(1e-5);
const diagnosed = (c: StageCase, bug: Variation, catalogue = CATALOGUE, options: Partial<DiagnoseOptions> = {}) =>
  diagnose(c, engineRows(c, bug, 7), engineRows(c), { limits, catalogue, ...options });

/** The rows with an error of their own: `size` of their RMS. */
const withNoise = (rows: Float32Array, size: number): Float32Array => {
  const next = random(5);
  const rms = Math.sqrt(rows.reduce((sum, x) => sum + x * x, 0) / rows.length);
  return rows.map((x) => x + size * rms * next());
};

describe('confidence', () => {
  const c = randomCase('q_rope');

  test('confirmed: the bug reproduces the rows to within the limit', async () => {
    const { confidence, candidates, indistinguishable, hint, text } = await diagnosed(
      c,
      { rope: { pairs: 'halves' } },
      [backwards, halves],
    );
    expect({ confidence, indistinguishable, hint }).toEqual({ confidence: 'confirmed', indistinguishable: [] });
    expect(candidates[0]).toMatchObject({ id: 'halves', title: 'halves is wrong', source: 'a/b#1', parameters: {} });
    expect(candidates[0]?.delta).toBeLessThan(1e-6);
    expect(candidates[0]?.deltaBefore).toBeGreaterThan(0.1);
    expect(text).toMatch(
      /^halves is wrong: recomputed from the stage's own inputs with this bug, the rows differ from yours by \d\.\de-8 \(limit 1e-5\); right rows differ by \d\.\de-1\. Where to look: The line of halves\.$/,
    );
  });

  test('a limit that follows from floors is told in two digits', async () => {
    const measured = { ...limits, rel: 5.2703097943694825e-3 };
    const sick = engineRows(c, { rope: { pairs: 'halves' } });
    const { text } = await diagnose(c, sick, engineRows(c), { limits: measured, catalogue: [halves] });
    expect(text).toContain('(limit 5.3e-3)');
  });

  test('likely: the bug is nine tenths of the error, and the text says what is left', async () => {
    const sick = withNoise(engineRows(c, { rope: { pairs: 'halves' } }), 0.01);
    const { confidence, candidates, text } = await diagnose(c, sick, engineRows(c), { limits, catalogue: [halves] });
    expect(confidence).toBe('likely');
    expect(candidates[0]?.id).toBe('halves');
    expect(text).toMatch(/^Likely, not confirmed: .* still differ from yours by .*e-3, over the limit of 1e-5; /);
  });

  test('unknown: nothing takes away nine tenths, and the closest is not a finding', async () => {
    const sick = withNoise(engineRows(c, { rope: { pairs: 'halves' } }), 0.3);
    const close = await diagnose(c, sick, engineRows(c), { limits, catalogue: [halves] });
    expect(close).toMatchObject({ confidence: 'unknown', candidates: [{ id: 'halves' }] });
    expect(close.text).toMatch(
      /^Unknown: none of the 1 known bugs of this stage reproduces the rows; right rows differ by \S+, limit 1e-5\.$/,
    );
    const noise = await diagnose(c, withNoise(engineRows(c), 0.3), engineRows(c), { limits, catalogue: [halves] });
    expect(noise).toMatchObject({ confidence: 'unknown', candidates: [] });
  });

  test('unknown: right rows, rows of another run, a stage without a formula, no bug', async () => {
    const healthy = await diagnosed(c, {}, [halves]);
    expect(healthy.text).toBe('Unknown: the rows are within the limit: there is nothing to name.');
    const other = randomCase('q_rope', { seed: 2 });
    const unrelated = await diagnose(c, engineRows(c, { rope: { pairs: 'halves' } }), engineRows(other), { limits });
    expect(unrelated).toMatchObject({ confidence: 'unknown', candidates: [] });
    expect(unrelated.text).toContain('even without a bug the oracle does not make the right rows of these inputs');
    const moe = await diagnose({ ...c, stage: 'ffn_moe_out' }, engineRows(c), engineRows(other), { limits });
    expect(moe.text).toBe('Unknown: nothing says how ffn_moe_out is computed.');
    expect((await diagnosed(c, { rope: { times: 0 } }, [])).text).toMatch(/^Unknown: no bug of this stage is known/);
  });

  test('one wrong row or value beside a bug is not explained by it', async () => {
    const sick = engineRows(c, { rope: { pairs: 'halves' } });
    sick[5] = (sick[5] as number) * 1.01;
    expect(await diagnose(c, sick, engineRows(c), { limits, catalogue: [halves] })).toMatchObject({
      confidence: 'likely',
    });
  });

  test('a bug without an effect on these inputs is no candidate', async () => {
    const first = randomCase('q_rope', { rows: 1 }); // position 0 is not turned
    const sick = withNoise(engineRows(first), 1e-3);
    expect(await diagnose(first, sick, engineRows(first), { limits, catalogue: [halves] })).toMatchObject({
      candidates: [],
    });
  });
});

describe("the verdict's limits, and no others, confirm", () => {
  const c = randomCase('q_rope', { rows: 40 });
  const bug: Variation = { rope: { pairs: 'halves' } };
  const width = CONFIG.headCount * CONFIG.headDim;
  const right = engineRows(c);
  /** The bug's rows, with one of them a little off: 8e-7 of the whole. */
  const oneRowOff = engineRows(c, bug).map((x, i) => (Math.floor(i / width) === 7 ? x * (1 + 5e-6) : x));
  const confidenceOf = async (sick: Float32Array, measured: Partial<Limits>) =>
    (await diagnose(c, sick, right, { limits: { ...limits, ...measured }, catalogue: [halves] })).confidence;

  test('a row whose own floor is high may be further off than four times what a right stage leaves', async () => {
    expect(await confidenceOf(oneRowOff, {})).toBe('likely');
    expect(await confidenceOf(oneRowOff, { row: 1e-4 })).toBe('confirmed');
  });

  test('and where rows or values must be closer, they must', async () => {
    const nearly = engineRows(c, bug).map((x, i) => (Math.floor(i / width) === 7 ? x * (1 + 2e-6) : x));
    expect(await confidenceOf(nearly, {})).toBe('confirmed');
    expect(await confidenceOf(nearly, { row: 1e-5 })).toBe('likely');
    expect(await confidenceOf(nearly, { value: 1e-5 })).toBe('likely');
  });
});

describe('a parameter is searched', () => {
  test('eps: 1e-6 is found, and the file says 1e-5', async () => {
    const c = randomCase('attn_rms', { size: 0.05 });
    const { confidence, candidates, text } = await diagnosed(c, { norm: { epsilon: 1e-6 } }, [epsilon]);
    expect(confidence).toBe('confirmed');
    expect(candidates[0]?.parameters).toEqual({ rms_norm_eps: 1e-6, 'the file says': 1e-5 });
    expect(text).toContain('(rms_norm_eps = 0.000001; the file says 0.00001)');
  });

  test.each([
    ['a prompt', {}],
    ['a long prompt', { rows: 40 }],
    ['a decode step', { rows: 1, firstPosition: 300 }],
    ['a late decode step', { rows: 1, firstPosition: 3000 }],
  ])('theta, in %s', async (_, options) => {
    const c = randomCase('q_rope', options);
    for (const base of [10000, 1e6, 31230, 31234.5]) {
      const { confidence, candidates, text } = await diagnosed(c, { rope: { base } }, [theta]);
      // Nobody writes the last one: what drifts, or is scaled in another way, may be nearly the same.
      expect(confidence).toBe(base === 31234.5 ? 'likely' : 'confirmed');
      if (confidence === 'likely')
        expect(text).toMatch(
          /nobody is likely to have written rope_freq_base = 31234\.5\d*: something else may make nearly the same/,
        );
      expect(candidates[0]?.parameters.rope_freq_base).toBeCloseTo(base, 1);
    }
  });

  test('angles that drift are no other theta', async () => {
    // 1e-3 a pair, as an angle that is made from the one before, in f16, drifts.
    const c = randomCase('q_rope', { rows: 12 });
    const right = engineRows(c);
    const heads = CONFIG.headCount;
    const before = c.inputs.q_proj as Float64Array;
    const sick = right.slice();
    for (let row = 0; row < c.rows; row++) {
      for (let head = 0; head < heads; head++) {
        for (let p = 0; p < CONFIG.headDim / 2; p++) {
          const i = (row * heads + head) * CONFIG.headDim + 2 * p;
          const angle = row * CONFIG.ropeFreqBase ** ((-2 * p) / CONFIG.headDim) * (1 + 1e-3 * p);
          const [x, y] = [before[i] as number, before[i + 1] as number];
          sick[i] = x * Math.cos(angle) - y * Math.sin(angle);
          sick[i + 1] = x * Math.sin(angle) + y * Math.cos(angle);
        }
      }
    }
    const { confidence } = await diagnose(c, sick, right, { limits });
    expect(confidence).not.toBe('confirmed');
  });

  test('the value of the file is never the cause', async () => {
    const c = randomCase('attn_rms', { size: 0.05 });
    const sick = withNoise(engineRows(c), 1e-3);
    expect(await diagnose(c, sick, engineRows(c), { limits, catalogue: [epsilon] })).toMatchObject({
      confidence: 'unknown',
    });
  });

  test('of a bug without a parameter and a value that mimics it, the bug is named', async () => {
    const scale = known('scale', {
      search: {
        name: 'scale',
        scale: 'log',
        range: () => [0.01, 100],
        right: () => 1,
        variation: (scale) => ({ rope: { scale } }),
      },
    });
    const twice = one('twice', { rope: { times: 2 } });
    const found = await diagnosed(randomCase('q_rope'), { rope: { times: 2 } }, [scale, twice]);
    expect(found).toMatchObject({ candidates: [{ id: 'twice' }, { id: 'scale' }], indistinguishable: ['scale'] });
    expect(found.hint).toBeUndefined(); // no run would
    expect(found.text).toMatch(/The same numbers follow from scale\.$/);
  });
});

describe('two bugs at once', () => {
  test('are found where neither alone is the cause', async () => {
    const bug: Variation = { rope: { pairs: 'halves', direction: -1 } };
    const found = await diagnosed(randomCase('q_rope'), bug, [halves, theta, backwards]);
    expect(found).toMatchObject({ confidence: 'confirmed', candidates: [{ with: { look: expect.any(String) } }] });
    expect([found.candidates[0]?.id, found.candidates[0]?.with?.id].sort()).toEqual(['backwards', 'halves']);
    expect(found.text).toMatch(/is wrong, and .* is wrong: .* with both bugs, /);
  });

  test('one of them with a parameter', async () => {
    const bug: Variation = { rope: { pairs: 'halves', base: 20000 } };
    const found = await diagnosed(randomCase('q_rope'), bug, [halves, theta, backwards]);
    const parameters = { rope_freq_base: 20000, 'the file says': 500000 };
    expect(found.confidence).toBe('confirmed');
    expect(found.candidates[0]).toMatchObject({ id: 'halves', with: { id: 'theta', parameters } });
  });

  test('of a product: rows permuted, and nibbles read in another order', async () => {
    const model = randomModel({ ...CONFIG, embeddingLength: 256 }, {}, 'Q4_K');
    const bug: Variation = { product: { permute: [{ to: 'halves', heads: 8 }], reading: { nibbles: 'swapped' } } };
    const { confidence, candidates } = await diagnosed(randomCase('q_proj', { model }), bug);
    expect(confidence).toBe('confirmed');
    expect([candidates[0]?.id, candidates[0]?.with?.id].sort()).toEqual(['nibble-order', 'qk-permutation']);
  });
});

describe('what these inputs cannot tell apart', () => {
  test('is said, with a run that would', async () => {
    const c = randomCase('q_rope', { rows: 1, firstPosition: 1 });
    const restarts = one('restarts', { rope: { position: 'from-zero' } });
    const missing = one('missing', { rope: { times: 0 } });
    const found = await diagnosed(c, { rope: { times: 0 } }, [missing, backwards, restarts]);
    expect(found).toMatchObject({
      confidence: 'confirmed',
      indistinguishable: ['restarts'],
      hint: 'a prompt of 8 tokens',
    });
    expect(found.text).toMatch(/These inputs cannot tell it from restarts; a prompt of 8 tokens would\.$/);
    const longer = await diagnosed(randomCase('q_rope', { rows: 8 }), { rope: { times: 0 } }, [missing, restarts]);
    expect(longer).toMatchObject({ confidence: 'confirmed', indistinguishable: [] });
  });

  test('of a decoded row by another decode step, where one would', async () => {
    // One position too few at position 1 is none at all.
    const c = randomCase('q_rope', { rows: 1, firstPosition: 1 });
    const stays = one('stays', { rope: { position: 'from-zero' } });
    const late = one('late', { rope: { offset: -1 } });
    const found = await diagnosed(c, { rope: { offset: -1 } }, [late, stays]);
    expect(found).toMatchObject({ indistinguishable: ['stays'], hint: 'a decode step after 40 tokens' });
  });
});

describe('values that are not numbers', () => {
  const maximum = one('maximum', { softMax: { noMaximum: 'f32' } }, { stages: ['kq_soft_max'] });
  const c = randomCase('kq_soft_max', { size: 300 });

  test('must be reproduced at the same places', async () => {
    const sick = engineRows(c, { softMax: { noMaximum: 'f32' } });
    expect(sick.some(Number.isNaN)).toBe(true);
    const right = engineRows(c);
    expect(await diagnose(c, sick, right, { limits, catalogue: [maximum] })).toMatchObject({ confidence: 'confirmed' });
    sick[sick.findIndex((x) => x > 0.5)] = Number.NaN;
    const more = await diagnose(c, sick, right, { limits, catalogue: [maximum] });
    expect(more.confidence).not.toBe('confirmed');
  });

  test('nothing but NaN is never confirmed', async () => {
    const sick = engineRows(c).fill(Number.NaN);
    expect((await diagnose(c, sick, engineRows(c), { limits })).confidence).toBe('unknown');
  });

  test('that the mask of kq hides are not compared, whatever is there', async () => {
    const scores = randomCase('kq');
    const sick = engineRows(scores, { attention: { heads: 'tiled' } });
    const right = engineRows(scores);
    for (const hidden of [Number.NaN, 0, Number.NEGATIVE_INFINITY]) {
      const rows = sick.map((x, i) => (Number.isNaN(right[i] as number) ? hidden : x));
      const { confidence, candidates } = await diagnose(scores, rows, right, { limits });
      expect([confidence, candidates[0]?.id]).toEqual(['confirmed', 'gqa-tiled']);
    }
  });
});

describe('a large product', () => {
  const weight = (model: CaseModel, rows: number, columns: number): CaseModel => {
    const next = random(8);
    const bytes = new Uint8Array(Float32Array.from({ length: rows * columns }, next).buffer);
    return { ...model, weight: () => ({ type: 'F32', rows, columns, bytes }) };
  };
  const c = randomCase('attn_out', { rows: 8, model: weight(randomModel(), 1500, CONFIG.headCount * CONFIG.headDim) });
  const reversed: Variation = { product: { inputs: 'reversed' } };
  const bug = one('heads-reversed', reversed, { stages: ['attn_out'] });

  test('is confirmed by all of its columns, not by those that were sampled', async () => {
    expect(await diagnosed(c, reversed, [bug])).toMatchObject({ confidence: 'confirmed' });
    const sick = engineRows(c, reversed);
    const right = engineRows(c);
    const error = (i: number) => Math.abs((sick[i] as number) - (right[i] as number));
    const at = right.findIndex((_, i) => error(i) < 0.5 && Math.abs(sick[i] as number) > 1);
    sick[at] = (sick[at] as number) * 1.05; // among the errors of the bug it does not stand out
    expect(await diagnose(c, sick, right, { limits, catalogue: [bug] })).toMatchObject({ confidence: 'likely' });
  });
});

describe('around it', () => {
  const c = randomCase('q_rope');

  test('progress reaches its total, and the event loop has its turns', async () => {
    const seen: [number, number][] = [];
    let turns = 0;
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    const rest = async () => void turns++;
    await diagnosed(c, { rope: { times: 2 } }, [halves, theta, backwards], { onProgress, yield: rest });
    expect(seen[0]?.[0]).toBe(1);
    expect(seen.every(([done, total]) => done <= total)).toBe(true);
    expect(turns).toBeGreaterThan(0);
  });

  test('it stops when the signal aborts', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(diagnosed(c, { rope: { times: 2 } }, [theta], { signal })).rejects.toThrow('enough');
  });

  test('rows that do not fit are refused', async () => {
    const rows = engineRows(c);
    await expect(diagnose(c, rows.subarray(1), rows, { limits })).rejects.toThrow('values for 6 rows');
  });
});

describe('the catalogue', () => {
  const biases = { 'blk.1.attn_q.bias': 128, 'blk.1.attn_k.bias': 32, 'blk.1.attn_v.bias': 32 };
  const model = randomModel(CONFIG, { 'rope_freqs.weight': 8, ...biases });
  for (const stage of STAGE_NAMES) {
    test(`every bug of ${stage} is named by its own rows`, async () => {
      const c = randomCase(stage, { model, size: stage.endsWith('_rms') ? 0.05 : 2 });
      for (const { id, stages, example } of CATALOGUE) {
        const bug = stages.includes(stage) ? example(c) : undefined;
        if (!bug) continue;
        const { confidence, candidates, indistinguishable } = await diagnosed(c, bug, CATALOGUE, { budgetMs: 200 });
        expect([confidence, candidates[0]?.id, ...indistinguishable], `${id}: ${JSON.stringify(bug)}`).toContain(id);
        expect(confidence).toBe('confirmed');
      }
    });
  }
});

test('the healthy rows of every case are those of the oracle', () => {
  for (const stage of STAGE_NAMES) expect(computeStage(randomCase(stage)).length).toBeGreaterThan(0);
});

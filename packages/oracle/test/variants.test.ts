import { rounded } from '@llama-probe/dump/precision';
import { describe, expect, test } from 'vitest';
import { CATALOGUE, type CaseWeight, computeStage, dequantizeRow, type StageCase } from '../src/index.js';
import { ACTIVATIONS, erf } from '../src/variants/activations.js';
import { permutation } from '../src/variants/order.js';
import { toHalf } from './tiny-model.js';

const f = (...values: number[]) => Float64Array.from(values);
const close = (got: Float64Array, want: Float64Array, digits = 12) => {
  expect(got.length).toBe(want.length);
  got.forEach((x, i) => {
    if (Number.isNaN(want[i])) expect(x).toBeNaN();
    else expect(x).toBeCloseTo(want[i] as number, digits);
  });
};

const f32 = (rows: number, columns: number, values: number[]): CaseWeight => ({
  type: 'F32',
  rows,
  columns,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** One stage of a model of one head (unless said otherwise) with four dimensions. */
function caseOf(
  stage: string,
  inputs: Record<string, Float64Array>,
  more: Partial<StageCase> & { heads?: number } = {},
) {
  const { heads = 1, ...rest } = more;
  const config = {
    embeddingLength: 4,
    headCount: heads,
    headCountKv: 1,
    headDim: 4,
    rmsEpsilon: 1e-5,
    ropeFreqBase: 10000,
    ropeFreqScale: 1,
    attentionScale: 0.5,
  };
  const model = { config, layers: 2, weight: () => undefined };
  return {
    stage,
    layer: 0,
    step: 0,
    tokens: [1],
    firstPosition: 0,
    rows: 1,
    inputs,
    model,
    ...rest,
  } satisfies StageCase;
}

/** What a bug's first variant makes of a case. */
function withBug(id: string, c: StageCase, pick = 0): Float64Array {
  const found = CATALOGUE.find((bug) => bug.id === id);
  const variant = [...(found?.variants(c) ?? [])][pick];
  if (!variant) throw new Error(`${id} has no variant ${pick} here`);
  return computeStage(c, variant.variation);
}

describe('RoPE', () => {
  const at3 = caseOf('q_rope', { q_proj: f(1, 0, 0, 0) }, { firstPosition: 3 });
  test('neighbours are right; halves put the sine two places further', () => {
    close(computeStage(at3), f(Math.cos(3), Math.sin(3), 0, 0));
    close(withBug('rope-halves', at3), f(Math.cos(3), 0, Math.sin(3), 0));
  });
  test('the second pair turns with base^(−1/2)', () => {
    const c = caseOf('k_rope', { k_proj: f(0, 0, 1, 0) }, { firstPosition: 3 });
    close(computeStage(c), f(0, 0, Math.cos(0.03), Math.sin(0.03)));
    close(computeStage(c, { rope: { base: 100 } }), f(0, 0, Math.cos(0.3), Math.sin(0.3)));
    close(computeStage(c, { rope: { frequencies: 'halves' } }), f(0, 0, Math.cos(3), Math.sin(0.03)));
    close(computeStage(c, { rope: { dims: 2 } }), f(0, 0, 1, 0));
    const last = { ...c, inputs: { k_proj: f(0, 0, 0, 1) } };
    close(computeStage(last, { rope: { frequencies: 'halves' } }), f(0, 0, -Math.sin(3), Math.cos(0.03)));
  });
  test("YaRN's slow pairs turn with the scaled position, and all are multiplied; without the magnitude, and as linear", () => {
    const c = caseOf('q_rope', { q_proj: f(1, 0, 1, 0) }, { firstPosition: 3 });
    // Over 1000 positions pair 0.35 would turn 32 times, and pair 1.1 once: the ramp goes from pair 0 to pair 2.
    const ropeYarn = { originalContext: 1000, betaFast: 32, betaSlow: 1, attnFactor: 1 };
    const yarn = { ...c, model: { ...c.model, config: { ...c.model.config, ropeFreqScale: 0.25, ropeYarn } } };
    const [a, b, m] = [3, 0.03 * 0.625, 1 + 0.1 * Math.log(4)]; // pair 1 is half way: (1 + 0.25) / 2
    const turnedBy = (x: number, y: number, by = 1) =>
      f(...[Math.cos(x), Math.sin(x), Math.cos(y), Math.sin(y)].map((v) => by * v));
    close(computeStage(yarn), turnedBy(a, b, m));
    close(withBug('yarn-no-magnitude', yarn), turnedBy(a, b));
    close(withBug('yarn-as-linear', yarn), turnedBy(0.75, 0.0075));
    close(withBug('yarn-as-linear', yarn, 1), turnedBy(3, 0.03));
  });
  test('a frequency index that runs on gives pair 0 of the second head the frequency of pair 2', () => {
    const c = caseOf('q_rope', { q_proj: f(1, 0, 1, 0, 1, 0, 1, 0) }, { firstPosition: 3, heads: 2 });
    const angles = [3, 0.03, 0.0003, 0.000003]; // position · 10000^(−i / 2)
    close(withBug('rope-freq-not-per-head', c), f(...angles.flatMap((a) => [Math.cos(a), Math.sin(a)])));
    const halves = (a: number) => [Math.cos(a) - Math.sin(a), 0, Math.cos(a) + Math.sin(a), 0];
    close(computeStage(c, { rope: { index: 'runs-on', pairs: 'halves' } }), f(...halves(3), ...halves(0.0003)));
  });
  test('an offset, the other direction, twice and never', () => {
    close(computeStage(at3, { rope: { offset: -1 } }), f(Math.cos(2), Math.sin(2), 0, 0));
    close(withBug('rope-direction', at3), f(Math.cos(3), -Math.sin(3), 0, 0));
    close(withBug('rope-twice', at3), f(Math.cos(6), Math.sin(6), 0, 0));
    close(withBug('rope-missing', at3), f(1, 0, 0, 0));
  });
});

describe('the norm', () => {
  const x = f(2, 2, 2, 2);
  const c = caseOf('attn_rms', { embd: x });
  test('epsilon 12 makes 2 / √(4 + 12), and outside of the root 2 / (2 + ε)', () => {
    close(computeStage(c, { norm: { epsilon: 12 } }), f(0.5, 0.5, 0.5, 0.5));
    close(computeStage(c, { norm: { epsilon: 2, epsilonPlace: 'outside' } }), f(0.5, 0.5, 0.5, 0.5));
  });
  test('LayerNorm makes 0 of a constant row, and the sum halves what the mean makes of four columns', () => {
    close(withBug('rms-mean-subtracted', c), f(0, 0, 0, 0));
    close(withBug('rms-sum', c), f(0.5, 0.5, 0.5, 0.5), 5);
  });
  test('the weight twice is its square, plus one adds the row', () => {
    const weight = f32(1, 4, [1, 2, 3, -1]);
    const n = caseOf('attn_norm', { attn_rms: f(1, 1, 2, 2) });
    const model = { ...n.model, weight: () => weight };
    close(withBug('norm-weight-twice', { ...n, model }), f(1, 4, 18, 2));
    close(withBug('norm-weight-plus-one', { ...n, model }), f(2, 3, 8, 0));
  });
});

describe('the blocks', () => {
  test('Q4_0: byte 0 holds weights 0 and 16, not 0 and 1', () => {
    const bytes = new Uint8Array(18).fill(0x88); // 0 everywhere
    new DataView(bytes.buffer).setUint16(0, toHalf(2), true);
    bytes[2] = 0xf9; // 9 low, 15 high
    const of = (reading = {}) => {
      const weights = dequantizeRow('Q4_0', bytes, 32, reading);
      return Object.fromEntries([...weights.entries()].filter(([, weight]) => weight !== 0));
    };
    expect(of()).toEqual({ 0: 2, 16: 14 });
    expect(of({ nibbles: 'adjacent' })).toEqual({ 0: 2, 1: 14 });
    expect(of({ nibbles: 'swapped' })).toEqual({ 0: 14, 16: 2 });
    expect(dequantizeRow('Q4_0', bytes, 32, { excess: 'twos-complement' }).slice(0, 2)).toEqual(f(-14, -16));
  });
  test('Q4_K: the scale of sub-block 5 is four bits at byte 9 and two above byte 1', () => {
    const bytes = new Uint8Array(144);
    new DataView(bytes.buffer).setUint16(0, toHalf(1), true);
    bytes.fill(0x11, 16); // every quant is 1, no minimum: a weight is its scale
    bytes[4 + 1] = 0b10_000011; // the scale of sub-block 1 is 3, above it the bits of 5
    bytes[4 + 5] = 0b01_000110; // the minimum of sub-block 1 is 6, above it the bits of 5
    bytes[4 + 9] = 0b0111_1001; // scale 9 and minimum 7 of sub-block 5, without the upper bits
    const scale = (reading = {}, group = 5) => dequantizeRow('Q4_K', bytes, 256, reading)[group * 32];
    expect(scale({}, 1)).toBe(3);
    expect(scale()).toBe(0b10_1001);
    expect(scale({ scales: 'low-bits' })).toBe(9);
    expect(scale({ scales: 'high-exchanged' })).toBe(0b01_1001);
    expect(scale({ scales: 'low-exchanged' })).toBe(0b10_0111);
    expect(scale({ scales: 'plain' })).toBe(6);
    expect(scale({ scales: 'stream' })).toBe(0); // bits 30 … 35: the upper bits of byte 3 and the lower of byte 4
  });
});

describe('the permutation of Q and K', () => {
  test('evens before odds for halves; and each undoes the other', () => {
    expect([...permutation(8, { to: 'halves', heads: 1 })]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    expect([...permutation(8, { to: 'neighbours', heads: 1 })]).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
  });
  test('K permuted as if it had four heads: converting [two heads of eight] by blocks of four', () => {
    // Hugging Face's K has rows 0 … 15, heads of eight, halves; GGUF's row i is convert(two heads)[i] of them.
    const right = permutation(16, { to: 'neighbours', heads: 2 });
    const wrong = permutation(16, { to: 'neighbours', heads: 4 });
    const weight = f32(
      16,
      16,
      [...right].flatMap((row) => Array.from({ length: 16 }, (_, i) => (i === 0 ? row : 0))),
    );
    const c = caseOf('k_proj', { attn_norm: Float64Array.from({ length: 16 }, (_, i) => (i === 0 ? 1 : 0)) });
    const config = { ...c.model.config, embeddingLength: 16, headCount: 4, headCountKv: 2, headDim: 8 };
    const model = { config, layers: 1, weight: (name: string) => (name.endsWith('weight') ? weight : undefined) };
    const k = { ...c, model };
    expect(computeStage(k)).toEqual(Float64Array.from(right));
    expect(withBug('k-permutation-heads', k)).toEqual(Float64Array.from(wrong));
  });
});

describe('attention', () => {
  const scores = f(0, Number.NaN, /**/ 0, 2 * Math.log(3));
  const c = caseOf('kq_soft_max', { kq: scores }, { rows: 2, tokens: [1, 2] });
  test('scale ½ makes ¼ and ¾; without it 1 : 9', () => {
    close(computeStage(c), f(1, 0, 0.25, 0.75));
    close(withBug('attention-scale-missing', c), f(1, 0, 0.1, 0.9));
  });
  test('past the mask stands the largest score that is seen, or the score itself', () => {
    close(withBug('mask-missing', c), f(0.5, 0.5, 0.25, 0.75));
    const q = f(1, 0, 0, 0, /**/ 1, 0, 0, 0);
    const k = f(0, 0, 0, 0, /**/ 2 * Math.log(3), 0, 0, 0);
    const free = { ...c, inputs: { kq: scores, q_rope: q }, cache: k };
    close(withBug('mask-missing', free, 1), f(0.25, 0.75, 0.25, 0.75));
  });
  test('a mask that counts from 0 in each chunk shows the last row of two chunks the first two positions', () => {
    const kq = f(1, NaN, NaN, NaN, 1, 1, NaN, NaN, 1, 1, 1, NaN, 1, 1, 1, 1);
    const c = caseOf('kq_soft_max', { kq }, { rows: 4, tokens: [1, 1, 1, 1] });
    const chunked = computeStage(c, { softMax: { chunk: 2 } });
    close(chunked, f(1, 0, 0, 0, 0.5, 0.5, 0, 0, 1, 0, 0, 0, 0.5, 0.5, 0, 0));
    const last = caseOf('kq_soft_max', { kq: f(1, 1, 1, 1) }, { firstPosition: 3, tokens: [1, 1, 1, 1] });
    close(computeStage(last, { softMax: { chunk: 2 } }), f(0.5, 0.5, 0, 0));
  });
  test('what such a mask hides an engine may leave out of the scores', () => {
    const q_rope = f(...Array.from({ length: 16 }, () => 1));
    const c = caseOf('kq', { q_rope, k_rope: q_rope }, { rows: 4, tokens: [1, 1, 1, 1] });
    close(
      computeStage(c, { softMax: { chunk: 2 } }),
      f(4, NaN, NaN, NaN, 4, 4, NaN, NaN, 4, NaN, NaN, NaN, 4, 4, NaN, NaN),
    );
    close(withBug('sliding-window', c, 1).subarray(8), f(NaN, 4, 4, NaN, NaN, NaN, 4, 4));
  });
  test('a mask that hides the row itself leaves the first row nothing', () => {
    close(computeStage(c, { softMax: { ahead: -1 } }), f(Number.NaN, Number.NaN, 1, 0));
  });
  test('the mask after the softmax leaves what is not hidden', () => {
    close(computeStage(c, { softMax: { masked: 'after' } }), f(0.5, 0, 0.25, 0.75));
  });
  test('e^x overflows a half from 11.1 on', () => {
    const large = caseOf('kq_soft_max', { kq: f(24) });
    expect(computeStage(large, { softMax: { noMaximum: 'f16' } })).toEqual(f(Number.NaN));
    expect(computeStage(large, { softMax: { noMaximum: 'f32' } })).toEqual(f(1));
  });
});

describe('numbers', () => {
  test.each([
    [0.1, 'f16', 0.0999755859375],
    [65519, 'f16', 65504],
    [65520, 'f16', Number.POSITIVE_INFINITY],
    [-1e9, 'f16', Number.NEGATIVE_INFINITY],
    [1e-7, 'f16', 2 ** -23],
    [2049, 'f16', 2048],
    [2051, 'f16', 2052],
    [1 + 2 ** -8, 'bf16', 1],
    [1 + 3 * 2 ** -8, 'bf16', 1 + 2 ** -6],
    [1e39, 'f32', Number.POSITIVE_INFINITY],
  ] as const)('%d in %s is %d', (x, precision, want) => {
    expect(rounded(x, precision)).toBe(want);
  });
  test('erf and the activations, against tables', () => {
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
    expect(erf(-3.5)).toBeCloseTo(-0.9999992569016276, 14);
    expect(ACTIVATIONS['gelu-erf'](1)).toBeCloseTo(0.8413447460685429, 14);
    expect(ACTIVATIONS['gelu-tanh'](1)).toBeCloseTo(0.8411919906082768, 14);
    const off = ACTIVATIONS['silu-cubic'](1.74) / ACTIVATIONS.silu(1.74) - 1;
    expect(off).toBeCloseTo(0.17, 2); // as the report measured
  });
});

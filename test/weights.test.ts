import { numberOfType } from '@llama-probe/engine';
import { type GgufTensor, seeded, text } from '@llama-probe/testing';
import { anyBlocks } from '@llama-probe/testing/kernels';
import type { TensorReport, WeightsReport } from '@llama-probe/weights';
import { describe, expect, test } from 'vitest';
import { WEIGHT_TYPES, type WeightType } from '../packages/engine/src/weight-types.js';
import { probe, probeJson } from './support/session.js';
import { brokenShaders } from './support/shaders.js';
import { ggufFile, tiny, valuesOf } from './support/weight-files.js';

const weights = (model: string, ...options: string[]) =>
  probeJson<WeightsReport>(['weights', '--model', model, ...options]);
const find = (report: WeightsReport, name: string) =>
  report.tensors.find((tensor) => tensor.name === name) as TensorReport;

const TYPES = Object.keys(WEIGHT_TYPES) as WeightType[];
const COLUMNS = 512;
const ROWS = 16;

/** A tensor of random blocks, with scales of every kind. */
function randomBlocks(name: WeightType): GgufTensor {
  const data = Buffer.from(anyBlocks(name, COLUMNS * ROWS, seeded()).buffer);
  return { name: `${name}.weight`, type: numberOfType(name), shape: [COLUMNS, ROWS], data };
}

describe('the engine’s kernels against ggml', () => {
  const model = ggufFile({ metadata: { 'general.architecture': text('llama') }, tensors: TYPES.map(randomBlocks) });

  test('every type of weight is the same, with every kind of scale', async () => {
    const { json, code } = await weights(model);
    expect(json.tensors.map(({ type, engine }) => [type, engine])).toEqual(TYPES.map((type) => [type, 'equal']));
    expect(json.tensors.map(({ bits }) => bits?.differing)).toEqual(TYPES.map(() => 0));
    expect([code, json.verdict]).toEqual([0, 'equal']);
    expect(json.tensors.some(({ statistics }) => (statistics?.nan ?? 0) > 0)).toBe(true);
  });

  test('a kernel that is wrong is named by its type, and the first value that it gets wrong is shown', async () => {
    const shaders = brokenShaders([
      {
        file: 'quant/q4_k.wgsl',
        before: 'select(lower, upper, chunk >= 4u)',
        after: 'select(lower, upper, chunk >= 5u)',
      },
    ]);
    const { json, code } = await probeJson<WeightsReport>(['weights', '--model', model], {
      env: { LLAMA_PROBE_SHADERS: shaders },
    });
    expect([code, json.verdict]).toEqual([1, 'differ']);
    expect(json.reason).toContain('Q4_K.weight');
    expect(json.tensors.filter(({ engine }) => engine === 'differs').map(({ type }) => type)).toEqual(['Q4_K']);
    const { first } = find(json, 'Q4_K.weight').bits as NonNullable<TensorReport['bits']>;
    expect(((first?.column as number) % 256) >> 5).toBe(4); // of the fifth sub-block
    expect(first?.engine).not.toBe(first?.ggml);
  });

  test('a type that nobody makes numbers of is listed, with the reason', async () => {
    const tensors = [
      randomBlocks('Q8_0'),
      { ...randomBlocks('Q8_0'), name: 'x', type: numberOfType('I32'), data: Buffer.alloc(COLUMNS * ROWS * 4) },
    ];
    const { json, code } = await weights(ggufFile({ metadata: {}, tensors }));
    expect(code).toBe(0);
    expect(find(json, 'x')).toMatchObject({
      engine: 'not-computed',
      why: 'ggml makes no numbers of I32',
      bits: null,
    });
    expect(find(json, 'x').statistics).toBeNull();
    expect(json.reason).toContain('1 of 2 tensors (I32) were not computed by the engine');
    const alone = await probe(['weights', '--model', ggufFile({ metadata: {}, tensors: tensors.slice(1) })]);
    expect(alone.code).toBe(2);
    expect(alone.stdout).toContain('? No tensor could be compared: ggml makes no numbers of I32');
  });
});

describe('what is in a file', () => {
  test('statistics, first values, and a hash', async () => {
    const parts = tiny();
    const values = valuesOf(parts, 'output_norm.weight');
    values.set([3, -4, 0, 0]);
    values.fill(0, 4);
    const { json } = await weights(ggufFile(parts), '--tensor', 'output_norm.weight', '--values', '3');
    expect(json.tensors).toHaveLength(1);
    expect(json.tensors[0]).toMatchObject({
      shape: [32],
      values: { ggml: [3, -4, 0], engine: [3, -4, 0] },
      statistics: { min: -4, max: 3, mean: -1 / 32, rms: Math.sqrt(25 / 32), zeros: 30, nan: 0, inf: 0, deadRows: 0 },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('NaN is found, and no engine is accused of it', async () => {
    const parts = tiny();
    valuesOf(parts, 'blk.1.ffn_up.weight')[3 * 32 + 7] = Number.NaN;
    const { code, stdout } = await probe(['weights', '--model', ggufFile(parts)]);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toContain('NaN or infinities in it, first in blk.1.ffn_up.weight');
    expect(stdout).toContain('blk.1.ffn_up.weight holds 1 NaN, first at row 3, column 7');
  });

  test('a tied head, copies and dead rows', async () => {
    const parts = tiny();
    valuesOf(parts, 'output.weight').set(valuesOf(parts, 'token_embd.weight'));
    valuesOf(parts, 'blk.1.attn_v.weight').set(valuesOf(parts, 'blk.0.attn_v.weight'));
    valuesOf(parts, 'blk.0.ffn_gate.weight').fill(0, 5 * 32, 7 * 32);
    const { json } = await weights(ggufFile(parts));
    expect(json.duplicates).toEqual([
      ['token_embd.weight', 'output.weight'],
      ['blk.0.attn_v.weight', 'blk.1.attn_v.weight'],
    ]);
    expect(json.remarks).toEqual([
      'blk.0.ffn_gate.weight has 2 of 64 rows of zeros, the first is row 5.',
      'output.weight is a copy of token_embd.weight: the head is tied to the embedding.',
      expect.stringContaining('blk.0.attn_v.weight, blk.1.attn_v.weight have the same bytes'),
    ]);
  });

  test('a scale that is far too large is suspicious', async () => {
    const tensor = randomBlocks('Q8_0');
    for (let block = 0; block * 34 < tensor.data.length; block++) {
      Buffer.from(tensor.data.buffer).writeUInt16LE(block === 20 ? 0x6400 : 0x2400, block * 34); // 1024 and 2^-6
    }
    const { json } = await weights(ggufFile({ metadata: {}, tensors: [tensor] }));
    expect(find(json, 'Q8_0.weight').statistics?.loud).toMatchObject({ row: 1, column: 128 });
    expect(json.remarks[0]).toContain('its scale may be damaged');
  });
});

describe('what cannot be', () => {
  test.each([
    [
      'a tensor that there is not',
      ['--tensor', 'outptu.weight'],
      'has no tensor "outptu.weight"; did you mean output.weight?',
    ],
    ['a count that is none', ['--values', 'all'], 'Wanted a whole number'],
    ['a file that there is not', ['--model', 'nowhere.gguf'], 'nowhere.gguf: no such file'],
  ])('%s', async (_, options, says) => {
    const { code, stderr, stdout } = await probe(['weights', ...options]);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
  });
});

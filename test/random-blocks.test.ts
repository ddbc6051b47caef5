import { writeFileSync } from 'node:fs';
import { type GgufParts, inShort, seeded, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { randomWeights } from '@llama-probe/testing/kernels';
import { beforeAll, describe, expect, test } from 'vitest';
import { WEIGHT_TYPES, type WeightType } from '../packages/engine/src/weight-types.js';
import { dequantizeRow } from '../packages/oracle/src/index.js';
import type { Report } from '../packages/probe/src/index.js';
import { path } from './support/probe.js';
import { probeJson } from './support/session.js';

const SIZES = { layers: 2, embd: 256, heads: 4, kvHeads: 2, headDim: 64, ff: 256, vocab: 32, context: 16 };
const random = seeded();

/** The types that llama.cpp makes only with an importance matrix, or not at all: here their tensors are random blocks. */
const TYPES = ['IQ1_S', 'IQ1_M', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ3_XXS', 'NVFP4'] as const;

/** Every matrix in a type. */
function randomModel(type: WeightType): GgufParts {
  const parts = tinyLlama(SIZES, random);
  parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
  for (const tensor of parts.tensors) {
    const [columns, rows] = tensor.shape;
    if (rows === undefined) continue;
    const shape = { type, rows: Number(rows), columns: Number(columns), tokens: 1 };
    const sample = dequantizeRow(type, randomWeights({ ...shape, magnitude: 0.01 }, random), 256 * shape.rows);
    const size = Math.sqrt(sample.reduce((sum, w) => sum + w * w, 0) / sample.length);
    const data = randomWeights({ ...shape, magnitude: (0.01 * 0.06) / size }, random);
    Object.assign(tensor, { type: WEIGHT_TYPES[type].ggmlType, data });
  }
  return parts;
}

describe.each(inShort(TYPES, 3))('a model of random blocks of %s', (type) => {
  const model = path(`random-${type}.gguf`);
  beforeAll(() => writeFileSync(model, writeGguf(randomModel(type)).bytes));
  const compare = async (reference: string): Promise<Report> => {
    const run = ['--tokens', '1,2,3', '--steps', '3', '--reference', reference];
    const { code, json } = await probeJson<Report>(['compare', '--model', model, ...run]);
    expect(json.verdict, `${json.reason} SEED=${random.seed}`).toBe('agree');
    expect(code).toBe(0);
    return json;
  };

  test('exact: every stage, and the same tokens', async () => {
    const { stages, generated } = await compare('exact');
    expect(stages.length).toBeGreaterThan(100);
    for (const { stage, rel } of stages) expect(rel, stage).toBeLessThan(1e-5);
    expect(generated?.candidate.tokens).toEqual(generated?.reference.tokens);
  });
  test('native: agree', async () => {
    expect((await compare('native')).reference.mode).toBe('native');
  });
});

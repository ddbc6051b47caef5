import { STAGES } from '@llama-probe/dump';
import { seeded } from '@llama-probe/testing';
import { describe, expect, test } from 'vitest';
import { forward, matMul, type OracleModel, rmsNorm } from '../src/index.js';

const nEmbd = 12;
const next = seeded();
const random = (rows: number, columns = 1) => Float64Array.from({ length: rows * columns }, () => next() * 2 - 1);

const layer = () => ({
  attnNorm: random(nEmbd),
  attnQ: random(8, nEmbd),
  attnK: random(4, nEmbd),
  attnV: random(4, nEmbd),
  attnOutput: random(nEmbd, 8),
  ffnNorm: random(nEmbd),
  ffnGate: random(10, nEmbd),
  ffnUp: random(10, nEmbd),
  ffnDown: random(nEmbd, 10),
});
const model: OracleModel = {
  config: {
    embeddingLength: nEmbd,
    headCount: 4,
    headCountKv: 2,
    headDim: 2,
    rmsEpsilon: 1e-5,
    ropeFreqBase: 10000,
    ropeFreqScale: 1,
    attentionScale: Math.SQRT1_2,
  },
  tokenEmbd: random(9, nEmbd),
  blk: [layer(), layer()],
  outputNorm: random(nEmbd),
  output: random(9, nEmbd),
};
const stage = (stages: ReturnType<typeof forward>, name: string, layer: number | null) => {
  const found = stages.find((at) => at.stage === name && at.layer === layer);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

describe('forward', () => {
  test('has every stage of the vocabulary, in its order', () => {
    const stages = forward(model, [1, 2, 3]);
    const perLayer = STAGES.filter((at) => at.perLayer).map((at) => at.name);
    const last = ['result_rms', 'result_norm', 'result_output'];
    expect(stages.map((at) => at.stage)).toEqual(['embd', ...perLayer, ...perLayer, ...last]);
    expect(stages.every((at) => at.values.length === 3 * at.width)).toBe(true);
    expect(stage(stages, 'result_output', null).width).toBe(9);
  });

  test('is causal: a later token changes no earlier row', () => {
    const [short, long] = [forward(model, [1, 2]), forward(model, [1, 2, 3])];
    short.forEach((at, i) => {
      if (at.stage.startsWith('kq') && at.stage !== 'kqv_out') return; // their rows grow with the sequence
      const rows = long[i]?.values.subarray(0, at.values.length) as Float64Array;
      at.values.forEach((value, j) => {
        expect(rows[j]).toBeCloseTo(value, 12);
      });
    });
  });

  test('the hook replaces a stage for what follows, and the stage itself is kept as it was', () => {
    const replaced = forward(model, [1, 2], (at) =>
      at.stage === 'l_out' && at.layer === 1 ? at.values.map(() => 2) : undefined,
    );
    const plain = forward(model, [1, 2]);
    expect(stage(replaced, 'l_out', 1)).toEqual(stage(plain, 'l_out', 1));
    const norm = rmsNorm(new Float64Array(2 * nEmbd).fill(2), nEmbd, 1e-5).map(
      (x, i) => x * (model.outputNorm[i % nEmbd] as number),
    );
    const logits = stage(replaced, 'result_output', null).values;
    matMul(norm, model.output, nEmbd).forEach((value, i) => {
      expect(logits[i]).toBeCloseTo(value, 12);
    });
  });
});

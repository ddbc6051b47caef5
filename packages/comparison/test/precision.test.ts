import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DumpWriter, type Precision, rounded } from '@llama-probe/dump';
import { forward, type OracleStage } from '@llama-probe/oracle';
import { type GgufParts, oracleOf, randomFrom, text, tinyLlama, writeGguf } from '@llama-probe/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import './support/kept.js';
import type { CompareAsk } from '../src/asked.js';
import { compare } from '../src/compare.js';
import type { Report } from '../src/report.js';
import { dump } from '../src/sides/dump.js';
import { llama } from '../src/sides/llama.js';

const folder = mkdtempSync(join(tmpdir(), 'llama-probe-precision-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEAD = 8;
const sizes = { layers: 4, embd: 32, heads: 4, kvHeads: 2, headDim: HEAD, ff: 48, vocab: 61, context: 64 };
const parts = tinyLlama(sizes, randomFrom(3));
parts.metadata['tokenizer.ggml.model'] = text('no_vocab');
const model = join(folder, 'tiny.gguf');
const reference = join(folder, 'reference.arrow');
const tokens = [1, 60, 0, 17, 17, 9, 30, 44, 5];

beforeAll(async () => {
  writeFileSync(model, writeGguf(parts).bytes);
  await using side = await llama(model, { mode: 'exact' });
  const writer = new DumpWriter(reference);
  for await (const tensor of side.run({ tokens }).tensors) writer.write(tensor);
  writer.close(await side.describe({ tokens }));
});

const round = (values: Float64Array, format: Precision): Float64Array => values.map((value) => rounded(value, format));

/** The weights as an engine in 16 bits has them. */
const roundedWeights = (format: Precision): GgufParts => ({
  ...parts,
  tensors: parts.tensors.map((tensor) => {
    const { buffer, byteOffset, length } = tensor.data;
    const values = new Float32Array(buffer, byteOffset, length / 4).map((value) => rounded(value, format));
    return { ...tensor, data: new Uint8Array(values.buffer) };
  }),
});

interface Engine {
  /** What its stages are rounded to. */
  readonly computes: Precision;
  /** What its weights are rounded to; without it that too. */
  readonly weights?: Precision;
  /** What is written of its stages; without it what they are. */
  readonly writes?: Precision;
  /** Turns the halves of a head and not neighbours, in this layer. */
  readonly ropeHalves?: number;
  /** GELU where SiLU is wanted, in this layer. */
  readonly gelu?: number;
  /** Stages in f32. */
  readonly inF32?: readonly string[];
}

/** An engine in float64 that rounds each stage: it shares nothing with llama.cpp. */
function runOf({ computes, weights = computes, ropeHalves, gelu, inF32 = [] }: Engine): OracleStage[] {
  const made = new Map<string, Float64Array>();
  const all: OracleStage[] = [];
  forward(oracleOf(sizes, roundedWeights(weights)), tokens, (at) => {
    const { stage, layer, width } = at;
    let { values } = at;
    if (stage.endsWith('_rope') && layer === ropeHalves) {
      values = halves(made.get(stage.replace('rope', 'proj')) as Float64Array, width);
    }
    if (stage === 'ffn_swiglu' && layer === gelu) {
      const up = made.get('ffn_up') as Float64Array;
      const tanh = (x: number) => Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
      values = (made.get('ffn_gate') as Float64Array).map((x, i) => 0.5 * x * (1 + tanh(x)) * (up[i] as number));
    }
    values = round(values, inF32.includes(stage) ? 'f32' : computes);
    made.set(stage, values);
    all.push({ ...at, values });
    return values;
  });
  return all;
}

/** Value i of a head and that half a head further are turned together. */
function halves(values: Float64Array, width: number): Float64Array {
  return values.map((value, at) => {
    const i = at % HEAD;
    const pair = i % (HEAD / 2);
    const angle = Math.floor(at / width) * 10000 ** ((-2 * pair) / HEAD);
    const isFirst = i < HEAD / 2;
    const other = values[at + (isFirst ? 1 : -1) * (HEAD / 2)] as number;
    return value * Math.cos(angle) + (isFirst ? -1 : 1) * other * Math.sin(angle);
  });
}

let dumps = 0;

/** What is said of such an engine's dump beside the reference's. */
async function judged(engine: Engine, ask: CompareAsk = {}): Promise<Report> {
  const path = join(folder, `${dumps++}.arrow`);
  const writer = new DumpWriter(path);
  const positions = Int32Array.from(tokens.keys());
  for (const [order, { values, ...at }] of runOf(engine).entries()) {
    const written = Float32Array.from(round(values, engine.writes ?? 'f32'));
    writer.write({ ...at, step: 0, order, positions, values: written });
  }
  await using theirs = await dump(reference);
  const { shapes } = await theirs.describe({ tokens });
  writer.close({ producer: { name: 'mine', version: '1' }, tokens, ...(shapes && { shapes }) });
  await using mine = await dump(path);
  return await compare(mine, theirs, { model, ...ask }); // both stay open until then
}

const faultsOf = ({ faults }: Report) =>
  faults?.map(({ stage, layer, cause }) => `${stage} ${layer} ${cause?.confidence} ${cause?.id}`);
const most = ({ stages }: Report) => Math.max(...stages.map(({ ofLimit }) => ofLimit));
const ROPE = ['q_rope 1 confirmed rope-halves', 'k_rope 1 confirmed rope-halves'];

for (const format of ['bf16', 'f16'] as const) {
  describe(`an engine in ${format}`, () => {
    test('is seen, and agrees: it is as far away as rounding takes it, and so is each stage by itself', async () => {
      const report = await judged({ computes: format }, { blame: true });
      expect(report).toMatchObject({
        verdict: 'agree',
        faults: [],
        candidate: { precision: { format, from: 'values' } },
        floors: { method: `llama.cpp exact against exact rounded to ${format} at every stage`, margin: 4 },
      });
      expect(report.candidate.precision?.stored).toBeUndefined();
      expect(most(report)).toBeGreaterThan(0.1);
    });

    test('is seen where its scores, their softmax and its weights are f32', async () => {
      const report = await judged({ computes: format, weights: 'f32', inF32: ['kq', 'kq_soft_max'] });
      expect(report).toMatchObject({ verdict: 'agree', candidate: { precision: { format } } });
    });

    test('has its bugs found at their stages and named, and nothing else', async () => {
      const report = await judged({ computes: format, ropeHalves: 1, gelu: 3 });
      expect(report).toMatchObject({ verdict: 'diverged', first: { stage: 'q_rope', layer: 1 } });
      expect(faultsOf(report)).toEqual([...ROPE, 'ffn_swiglu 3 confirmed activation-gelu']);
    });

    test('is held to f32 where that is said', async () => {
      const report = await judged({ computes: format }, { precision: 'f32', blame: false });
      expect(report).toMatchObject({ verdict: 'diverged', first: { stage: 'embd' } });
      expect(report.candidate.precision).toEqual({ format: 'f32', from: 'option' });
    });

    test('without a model is held to a constant, never to f32, which a bug is beyond', async () => {
      const ask = { model: undefined };
      const healthy = await judged({ computes: format }, ask);
      expect(healthy).toMatchObject({ verdict: 'agree', candidate: { precision: { format } } });
      expect(healthy.floors.method).toBe(
        `not measured for a candidate in ${format}: it takes llama.cpp on the model, which --model gives`,
      );
      const sick = await judged({ computes: format, ropeHalves: 1 }, ask);
      expect(sick).toMatchObject({ verdict: 'diverged', first: { stage: 'q_rope', layer: 1 } });
    });
  });

  describe(`a dump in ${format} of an engine in f32`, () => {
    const stored = { computes: 'f32', writes: format } as const;

    test('agrees, and is told from one that computes so', async () => {
      const report = await judged(stored, { blame: true });
      expect(report).toMatchObject({
        verdict: 'agree',
        candidate: { precision: { format, stored: true } },
        faults: [],
      });
    });

    test('has its bugs found at their stages, and nothing that only inherits its rounding', async () => {
      const report = await judged({ ...stored, ropeHalves: 1, gelu: 3 });
      expect(report.candidate.precision).toMatchObject({ format, stored: true });
      expect(faultsOf(report)).toEqual([...ROPE, 'ffn_swiglu 3 confirmed activation-gelu']);
    });
  });
}

test('an engine in f32 is held to f32, and nothing is said of its precision', async () => {
  const report = await judged({ computes: 'f32' });
  expect(report).toMatchObject({ verdict: 'agree', floors: { minimum: 1e-5 } });
  expect(report.candidate).not.toHaveProperty('precision');
});

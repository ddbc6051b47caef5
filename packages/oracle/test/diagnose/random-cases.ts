import { llamaGraph, STAGES } from '@llama-probe/dump';
import { llamaShapes, randomFrom } from '@llama-probe/testing';
import { BLOCKS, type QuantizedType } from '../../src/blocks.js';
import type { CaseModel, CaseWeight, StageCase } from '../../src/case.js';
import { computeStage } from '../../src/compute.js';
import { type Limits, type OracleConfig, withParts } from '../../src/index.js';
import type { Variation } from '../../src/variation.js';

/** Numbers from −1 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  const next = randomFrom(seed);
  return () => 2 * next() - 1;
}

export const CONFIG: OracleConfig = {
  embeddingLength: 64,
  headCount: 8,
  headCountKv: 2,
  headDim: 16,
  rmsEpsilon: 1e-5,
  ropeFreqBase: 500000,
  ropeFreqScale: 1,
  attentionScale: 0.25,
};
const LAYERS = 3;
const N_FF = 96;
const N_VOCAB = 160;

/** Random weights of any name that Llama has; no biases and no rope_freqs, unless they are named. */
export function randomModel(
  config: OracleConfig = CONFIG,
  extra: Record<string, number> = {},
  type: QuantizedType = 'F32',
): CaseModel {
  const sizes = {
    ...{ layers: LAYERS, ff: N_FF, vocab: N_VOCAB, context: N_VOCAB },
    ...{ embd: config.embeddingLength, heads: config.headCount, kvHeads: config.headCountKv, headDim: config.headDim },
  };
  const shapes = new Map(llamaShapes(sizes));
  const weights = new Map<string, CaseWeight | undefined>();
  return {
    config,
    layers: LAYERS,
    weight: withParts((name) => {
      if (!weights.has(name)) {
        const length = extra[name];
        const [columns, rows = 1] = length === undefined ? (shapes.get(name) ?? []) : [length];
        const weight =
          columns === undefined ? undefined : randomWeight(rows === 1 ? 'F32' : type, rows, columns, seedOf(name));
        weights.set(name, weight);
      }
      return weights.get(name);
    }),
  };
}

const seedOf = (name: string): number => [...name].reduce((a, b) => Math.imul(a, 31) + b.charCodeAt(0), 7);

/** Where the halves of a block are: they are kept small, all other bytes are random. */
const HALVES: Partial<Record<QuantizedType, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  Q1_0: [0],
  Q2_0: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
};

function randomWeight(type: QuantizedType, rows: number, columns: number, seed: number): CaseWeight {
  const next = random(seed);
  if (type === 'F32') {
    const around = rows === 1 ? 1 : 0; // norms lie around 1
    const values = Float32Array.from({ length: rows * columns }, () => around + 0.3 * next());
    return { type, rows, columns, bytes: new Uint8Array(values.buffer) };
  }
  const block = BLOCKS[type];
  const bytes = Uint8Array.from(
    { length: ((rows * columns) / block.elements) * block.bytes },
    () => 128 + 128 * next(),
  );
  for (let at = 0; at < bytes.length; at += block.bytes) {
    for (const half of HALVES[type] ?? []) bytes[at + half + 1] = 0x10 | ((bytes[at + half + 1] as number) & 0x83); // ±2⁻¹¹
  }
  return { type, rows, columns, bytes };
}

export interface CaseOptions {
  readonly layer?: number;
  readonly rows?: number;
  readonly firstPosition?: number;
  readonly seed?: number;
  readonly size?: number;
  readonly model?: CaseModel;
}

/** A stage over random inputs of about the given size. */
export function randomCase(stage: string, options: CaseOptions = {}): StageCase {
  const { layer = 1, rows = 6, firstPosition = 0, seed = 1, size = 1, model = randomModel() } = options;
  const next = random(seed);
  const { embeddingLength, headCount, headCountKv, headDim } = model.config;
  const nKv = firstPosition + rows;
  const widths: Record<string, number> = {
    n_embd: embeddingLength,
    n_q: headCount * headDim,
    n_k: headCountKv * headDim,
    heads_n_kv: headCount * nKv,
    n_ff: N_FF,
    n_vocab: N_VOCAB,
  };
  const widthOf = (name: string) => widths[STAGES.find((known) => known.name === name)?.width ?? 'n_embd'] as number;
  const values = (length: number) => Float64Array.from({ length }, () => Math.fround(size * next() * (1 + next())));
  const place = { stage, layer: STAGES.find(({ name }) => name === stage)?.perLayer ? layer : null };
  const inputs: Record<string, Float64Array> = {};
  const graph = llamaGraph({ layers: model.layers });
  for (const input of graph.inputsOf(place)) inputs[input.stage] = values(rows * widthOf(input.stage));
  const cached = graph.cachedInputOf(place);
  const cache = cached && values(nKv * widthOf(cached.stage));
  const own = cached && inputs[cached.stage];
  if (cached && own) cache?.set(own, firstPosition * widthOf(cached.stage));
  const tokens = Array.from({ length: nKv }, (_, i) => (i * 37 + 11) % N_VOCAB);
  const c = { ...place, step: 0, tokens, firstPosition, rows, inputs, ...(cache ? { cache } : {}), model };
  if (stage !== 'kqv_out') return c;
  const scores = randomCase('kq_soft_max', { ...options, model });
  return { ...c, inputs: { ...inputs, kq_soft_max: computeStage(scores) } };
}

/** The limits of a stage whose floor was not measured, as `limitOf` of the diff package has them. */
export const limitsOf = (rel: number): Limits => ({ rel, row: 4 * rel, value: 100 * rel });

/** What an engine that computes in f32 makes of a stage: the rows, off by about one unit in the last place. */
export function engineRows(c: StageCase, variation: Variation = {}, seed = 99): Float32Array {
  const next = random(seed);
  return Float32Array.from(computeStage(c, variation), (value) => value * (1 + 1e-7 * next()));
}

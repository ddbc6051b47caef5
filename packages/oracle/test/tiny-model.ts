import { llamaGraph } from '@llama-probe/dump';
import { llamaModel, seeded } from '@llama-probe/testing';
import { BLOCKS } from '../src/blocks.js';
import type { CaseModel, CaseWeight, StageCase } from '../src/case.js';
import { dequantizeRow, forward, type OracleModel, type QuantizedType, withParts } from '../src/index.js';

/** A random llama of two layers with grouped queries, biases, and a type for every weight: what the catalogue is tried on. */
export interface Tiny {
  readonly model: CaseModel;
  readonly oracle: OracleModel;
}

const random = seeded();

const N_EMBD = 256;
const N_FF = 512;
const N_VOCAB = 48;
export const CONFIG = {
  embeddingLength: N_EMBD,
  headCount: 8,
  headCountKv: 4,
  headDim: 32,
  rmsEpsilon: 1e-5,
  ropeFreqBase: 10000,
  ropeFreqScale: 0.5,
  attentionScale: 1 / Math.sqrt(32),
};

const YARN = { originalContext: 64, betaFast: 32, betaSlow: 1, attnFactor: 1 };

const STEMS = [
  ['attn_q', 256, N_EMBD],
  ['attn_k', 128, N_EMBD],
  ['attn_v', 128, N_EMBD],
  ['attn_output', N_EMBD, 256],
  ['ffn_gate', N_FF, N_EMBD],
  ['ffn_up', N_FF, N_EMBD],
  ['ffn_down', N_EMBD, N_FF],
] as const;

/** @param types of a layer's matrices in turn @param extras which optional tensors it has */
export function tiny(
  types: readonly QuantizedType[],
  extras: { head?: boolean; freqs?: boolean; bias?: boolean; yarn?: boolean },
): Tiny {
  const tensors = new Map<string, CaseWeight>();
  const put = (name: string, weight: CaseWeight) => tensors.set(name, weight);
  put('token_embd.weight', matrix(types[0] as QuantizedType, N_VOCAB, N_EMBD));
  put('output_norm.weight', vector(N_EMBD, 1));
  if (extras.head) put('output.weight', matrix(types.at(-1) as QuantizedType, N_VOCAB, N_EMBD));
  if (extras.freqs) put('rope_freqs.weight', vector(CONFIG.headDim / 2, 3));
  for (let il = 0; il < 2; il++) {
    put(`blk.${il}.attn_norm.weight`, vector(N_EMBD, 1));
    put(`blk.${il}.ffn_norm.weight`, vector(N_EMBD, 1));
    STEMS.forEach(([stem, rows, columns], i) => {
      put(`blk.${il}.${stem}.weight`, matrix(types[(i + il) % types.length] as QuantizedType, rows, columns));
      if (extras.bias && i < 3) put(`blk.${il}.${stem}.bias`, vector(rows, 0));
    });
  }
  const config = extras.yarn ? { ...CONFIG, ropeYarn: YARN } : CONFIG;
  const model = { config, layers: 2, weight: withParts((name) => tensors.get(name)) };
  return { model, oracle: dequantized(model) };
}

/** Every stage of a prompt of nine tokens, and of the token that is decoded after it. */
export function casesOf({ model, oracle }: Tiny): { c: StageCase; right: Float64Array }[] {
  const tokens = Array.from({ length: 10 }, () => Math.floor(random() * N_VOCAB));
  return [...pass(model, oracle, tokens.slice(0, 9), 0), ...pass(model, oracle, tokens, 9)];
}

/** The rows of a pass from `firstPosition` on, as cases. */
function pass(model: CaseModel, oracle: OracleModel, tokens: number[], firstPosition: number) {
  const stages = forward(oracle, tokens);
  const find = (place: { stage: string; layer: number | null }): Float64Array => {
    const found = stages.find((at) => at.stage === place.stage && at.layer === place.layer);
    if (!found) throw new Error(`no ${place.stage}`);
    return found.values;
  };
  const own = (values: Float64Array) => values.subarray((values.length / tokens.length) * firstPosition);
  const graph = llamaGraph({ layers: 2 });
  return stages.map(({ stage, layer, values }) => {
    const cached = graph.cachedInputOf({ stage, layer });
    const inputs = Object.fromEntries(graph.inputsOf({ stage, layer }).map((at) => [at.stage, own(find(at))]));
    const beside: Partial<StageCase> = cached ? { cache: find(cached) } : {};
    if (stage === 'kq_soft_max') {
      inputs.q_rope = own(find({ stage: 'q_rope', layer }));
      Object.assign(beside, { cache: find({ stage: 'k_rope', layer }) });
    }
    const rows = tokens.length - firstPosition;
    const step = firstPosition === 0 ? 0 : 1;
    return { c: { stage, layer, step, tokens, firstPosition, rows, inputs, ...beside, model }, right: own(values) };
  });
}

function dequantized(model: CaseModel): OracleModel {
  return llamaModel(model.config, model.layers, (name) => {
    const w = model.weight(name);
    return w && dequantizeRow(w.type, w.bytes, w.rows * w.columns);
  });
}

/** The scales of a block: where its halves are, and what makes its weights about as large as 1 / √n_embd. */
const HALVES: Partial<Record<QuantizedType, readonly (readonly [at: number, value: number])[]>> = {
  Q4_0: [[0, 0.012]],
  Q4_1: [[0, 0.012], [2, -0.08]], // biome-ignore format: pairs
  Q5_0: [[0, 0.006]],
  Q5_1: [[0, 0.006], [2, -0.09]], // biome-ignore format: pairs
  Q8_0: [[0, 0.0008]],
  Q2_K: [[80, 0.004], [82, 0.004]], // biome-ignore format: pairs
  Q3_K: [[108, 0.0012]],
  Q4_K: [[0, 0.0003], [2, 0.002]], // biome-ignore format: pairs
  Q5_K: [[0, 0.00015], [2, 0.002]], // biome-ignore format: pairs
  Q6_K: [[208, 4e-5]], // a subnormal half
  IQ1_S: [[0, 0.01]],
  IQ2_XXS: [[0, 0.001]],
  IQ2_XS: [[0, 0.001]],
  IQ2_S: [[0, 0.001]],
  IQ3_XXS: [[0, 0.0005]],
  IQ3_S: [[0, 0.0005]],
  TQ1_0: [[52, 0.07]],
  TQ2_0: [[64, 0.07]],
  Q1_0: [[0, 0.07]],
  Q2_0: [[0, 0.07]],
  IQ4_NL: [[0, 0.0008]],
  IQ4_XS: [[0, 5e-5]], // a subnormal half
};

/** Random bytes, with scales of a sensible size: every bit of every block matters. */
export function matrix(type: QuantizedType, rows: number, columns: number): CaseWeight {
  const { elements, bytes: block } = BLOCKS[type];
  const bytes = new Uint8Array((rows * columns * block) / elements);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  for (let at = 0; at < bytes.length; at += block) {
    const plain = (random() - 0.5) / 5;
    if (type === 'F32') view.setFloat32(at, plain, true);
    if (type === 'F16') view.setUint16(at, toHalf(plain), true);
    if (type === 'BF16') view.setUint16(at, upper(plain), true);
    if (type === 'MXFP4') bytes[at] = 121 + 2 * random();
    if (type === 'NVFP4') for (let i = 0; i < 4; i++) bytes[at + i] = 8 + 16 * random();
    if (type === 'IQ1_M') for (let i = 0; i < 4; i++) scatter(bytes, at + 49 + 2 * i, (0x2400 >> (4 * i)) & 15);
    for (const [offset, value] of HALVES[type] ?? []) {
      view.setUint16(at + offset, toHalf(value * (0.7 + 0.6 * random())), true);
    }
  }
  return { type, rows, columns, bytes };
}

/** IQ1_M has its half in the upper nibbles of four. */
function scatter(bytes: Uint8Array, at: number, nibble: number): void {
  bytes[at] = ((bytes[at] as number) & 15) | (nibble << 4);
}

function vector(columns: number, mean: number): CaseWeight {
  const values = Float32Array.from({ length: columns }, () => mean + random() - 0.5);
  return { type: 'F32', rows: 1, columns, bytes: new Uint8Array(values.buffer) };
}

function upper(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint16(0);
}

/** A half near x: exact enough for scales. */
export function toHalf(x: number): number {
  const sign = x < 0 ? 0x8000 : 0;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -15);
  if (exponent < -14) return sign | Math.round(Math.abs(x) * 2 ** 24);
  return sign | ((exponent + 15) << 10) | Math.floor((Math.abs(x) / 2 ** exponent - 1) * 1024);
}

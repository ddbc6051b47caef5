import { type LlamaConfig, turnedOf } from './config.js';
import type { Model } from './model.js';
import { UNIFORM_BYTES } from './products/x-data.js';
import { ropeTable } from './rope.js';
import type { RopeConfig } from './rope-config.js';

/** Everything that a pass writes, and the cache that outlives it. `T` is the most tokens that one pass takes. */
export interface State {
  readonly capacity: number;
  readonly maxTokens: number;
  readonly batch: GPUBuffer; // uniform: tokens, first position, n_kv
  readonly tokens: GPUBuffer; // (T) ids
  readonly rotation: readonly GPUBuffer[]; // per layer (capacity, turned / 2, 2); layers that turn alike share one
  readonly temperature?: GPUBuffer; // (capacity), where Q grows with the position
  /** Of a longrope: whether the factors for many positions are in the rotation. */
  readonly isLong: boolean;
  readonly x: GPUBuffer; // (T, embeddingLength), the residual stream
  readonly xb: GPUBuffer; // (T, embeddingLength), beside it
  readonly post: GPUBuffer; // (T, embeddingLength), what a half of a layer gives, normed, where the model norms it
  readonly q: GPUBuffer; // (T, heads · headDim)
  readonly k: GPUBuffer; // (T, kvHeads · headDim)
  readonly v: GPUBuffer; // (T, kvHeads · headDim)
  readonly qNormed: GPUBuffer; // (T, heads · headDim), where the model norms Q
  readonly kNormed: GPUBuffer; // (T, kvHeads · headDim), where the model norms K
  readonly kq: GPUBuffer; // (T, heads, n_kv)
  readonly kqv: GPUBuffer; // (T, heads · headDim)
  readonly gate: GPUBuffer; // (T, feedForwardLength), once for each used expert
  readonly up: GPUBuffer; // (T, feedForwardLength), twice as wide where it is the gate, too
  readonly router: GPUBuffer; // (T, experts), how well each fits
  readonly chosen: GPUBuffer; // (T, used experts), which they are
  readonly shares: GPUBuffer; // (T, used experts), how much each gives
  readonly down: GPUBuffer; // (T, used experts, embeddingLength)
  readonly logits: GPUBuffer; // (T, vocabularySize)
  readonly kCache: readonly GPUBuffer[]; // per layer (capacity, kvHeads · headDim)
  readonly vCache: readonly GPUBuffer[]; // per layer (capacity, kvHeads · headDim)
  readonly bytes: number;
}

const UBATCH = 512; // llama.cpp's default, and what a 128 MiB binding holds of 32 heads' scores at 2048 positions

/** How many values one row of each buffer has. `seen` is how many positions the scores are over. */
export function rowWidths(config: LlamaConfig, seen: number) {
  const { embeddingLength, experts } = config;
  const inAll = experts ? experts.used * experts.feedForwardLength : config.feedForwardLength;
  const q = config.headCount * config.headDim;
  const k = config.headCountKv * config.headDim;
  return {
    x: embeddingLength,
    xb: embeddingLength,
    ...(config.hasPostNorms ? { post: embeddingLength } : {}),
    q,
    k,
    v: k,
    ...(config.headNorms ? { qNormed: q, kNormed: k } : {}),
    kq: config.headCount * seen,
    kqv: q,
    gate: inAll,
    up: config.gateIsInUp ? 2 * inAll : inAll,
    ...(experts
      ? { router: experts.count, chosen: experts.used, shares: experts.used, down: experts.used * embeddingLength }
      : {}),
    logits: config.vocabularySize,
  };
}

/** The most tokens one pass may take, so that every buffer fits into a binding. */
export function ubatchFor(config: LlamaConfig, bindingLimit: number, capacity: number): number {
  const widest = 4 * Math.max(...Object.values(rowWidths(config, capacity)));
  return Math.max(1, Math.min(UBATCH, Math.floor(bindingLimit / widest)));
}

/** llama.cpp chooses by the context that it is opened with, which for a run is made of whole cells of 256 (src/llama-model.cpp get_rope_factors). */
export const isLong = ({ ropeOriginalContext, contextLength }: LlamaConfig, positions: number): boolean =>
  ropeOriginalContext !== undefined && Math.min(Math.ceil(positions / 256) * 256, contextLength) > ropeOriginalContext;

/** Allocates for sequences of up to `capacity` positions. */
export function createState(
  device: GPUDevice,
  config: LlamaConfig,
  model: Model,
  capacity: number,
  maxTokens: number,
  long = isLong(config, capacity),
): State {
  let bytes = 0;
  const buffer = (label: string, elements: number, usage = GPUBufferUsage.STORAGE) => {
    bytes += elements * 4;
    return device.createBuffer({
      label,
      size: elements * 4,
      usage: usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  };
  /** A product may read them as a uniform buffer. */
  const rows = (label: string, width: number) =>
    buffer(label, Math.max(maxTokens * width, UNIFORM_BYTES / 4), GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM);
  const cache = (label: string) =>
    Array.from({ length: config.blockCount }, (_, il) => buffer(`${label}-${il}`, capacity * kv));
  const kv = config.headCountKv * config.headDim;
  const factors = model.ropeFreqs ?? (long ? model.ropeFactorsLong : model.ropeFactorsShort);
  const turning = (label: string, rope: RopeConfig) => {
    const table = ropeTable({ ...rope, dims: turnedOf(config) }, capacity, factors);
    const made = buffer(label, table.length);
    device.queue.writeBuffer(made, 0, table as Float32Array<ArrayBuffer>);
    return made;
  };
  const { windows } = config;
  const rotation = turning('rotation', config);
  const inWindow = windows?.rope ? turning('rotation in the window', windows.rope) : rotation;
  const { temperature: heat } = config;
  const temperature = heat && buffer('temperature', capacity);
  if (temperature) {
    const values = Float32Array.from({ length: capacity }, (_, at) => heatAt(at, heat));
    device.queue.writeBuffer(temperature, 0, values);
  }
  const widths = Object.entries(rowWidths(config, capacity));
  return {
    capacity,
    maxTokens,
    isLong: long,
    ...(temperature ? { temperature } : {}),
    batch: buffer('batch', 4, GPUBufferUsage.UNIFORM),
    tokens: rows('tokens', 1),
    rotation: Array.from({ length: config.blockCount }, (_, il) => (windows?.layers[il] ? inWindow : rotation)),
    ...(Object.fromEntries(widths.map(([name, width]) => [name, rows(name, width)])) as Rows),
    kCache: cache('k cache'),
    vCache: cache('v cache'),
    get bytes() {
      return bytes;
    },
  };
}

/** llama.cpp's llm_graph_input_attn_temp, of Llama 4. */
const heatAt = (position: number, { scale, every }: NonNullable<LlamaConfig['temperature']>): number =>
  1 + scale * Math.log(Math.floor(position / every) + 1);

/** The buffers that have a row for each token. Those that the model has no use for are not there. */
type Rows = {
  readonly [K in keyof State as State[K] extends GPUBuffer ? Exclude<K, 'batch' | 'tokens'> : never]: State[K];
};

export function destroyState(state: State): void {
  for (const value of Object.values(state).flat()) if (typeof value === 'object') (value as GPUBuffer).destroy();
}

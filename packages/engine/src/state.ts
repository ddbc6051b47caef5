import type { LlamaConfig } from './config.js';
import { ropeTable } from './rope.js';
import type { Model } from './weights.js';

/** Everything that a pass writes, and the cache that outlives it. `T` is the most tokens that one pass takes. */
export interface State {
  readonly capacity: number;
  readonly maxTokens: number;
  readonly batch: GPUBuffer; // uniform: tokens, first position, n_kv
  readonly tokens: GPUBuffer; // (T) ids
  readonly rotation: GPUBuffer; // (capacity, headDim / 2, 2)
  readonly x: GPUBuffer; // (T, embeddingLength), the residual stream
  readonly xb: GPUBuffer; // (T, embeddingLength), beside it
  readonly q: GPUBuffer; // (T, heads · headDim)
  readonly k: GPUBuffer; // (T, kvHeads · headDim)
  readonly v: GPUBuffer; // (T, kvHeads · headDim)
  readonly kq: GPUBuffer; // (T, heads, n_kv)
  readonly kqv: GPUBuffer; // (T, heads · headDim)
  readonly gate: GPUBuffer; // (T, feedForwardLength)
  readonly up: GPUBuffer; // (T, feedForwardLength)
  readonly logits: GPUBuffer; // (T, vocabularySize)
  readonly kCache: readonly GPUBuffer[]; // per layer (capacity, kvHeads · headDim)
  readonly vCache: readonly GPUBuffer[]; // per layer (capacity, kvHeads · headDim)
  readonly bytes: number;
}

const UBATCH = 512; // llama.cpp's default, and what a 128 MiB binding holds of 32 heads' scores at 2048 positions

/** The most tokens one pass may take, so that every buffer fits into a binding. */
export function ubatchFor(config: LlamaConfig, bindingLimit: number, capacity: number): number {
  const widest = 4 * Math.max(config.vocabularySize, config.headCount * capacity, config.feedForwardLength);
  return Math.max(1, Math.min(UBATCH, Math.floor(bindingLimit / widest)));
}

/** Allocates for sequences of up to `capacity` positions. */
export function createState(
  device: GPUDevice,
  config: LlamaConfig,
  model: Model,
  capacity: number,
  maxTokens: number,
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
  const rows = (label: string, width: number) => buffer(label, maxTokens * width);
  const cache = (label: string) =>
    Array.from({ length: config.blockCount }, (_, il) => buffer(`${label}-${il}`, capacity * kv));
  const kv = config.headCountKv * config.headDim;
  const table = ropeTable(config, capacity, model.ropeFreqs);
  const rotation = buffer('rotation', table.length);
  device.queue.writeBuffer(rotation, 0, table);
  return {
    capacity,
    maxTokens,
    batch: buffer('batch', 4, GPUBufferUsage.UNIFORM),
    tokens: rows('tokens', 1),
    rotation,
    x: rows('x', config.embeddingLength),
    xb: rows('xb', config.embeddingLength),
    q: rows('q', config.headCount * config.headDim),
    k: rows('k', kv),
    v: rows('v', kv),
    kq: rows('kq', config.headCount * capacity),
    kqv: rows('kqv', config.headCount * config.headDim),
    gate: rows('gate', config.feedForwardLength),
    up: rows('up', config.feedForwardLength),
    logits: rows('logits', config.vocabularySize),
    kCache: cache('k cache'),
    vCache: cache('v cache'),
    get bytes() {
      return bytes;
    },
  };
}

export function destroyState(state: State): void {
  for (const value of Object.values(state).flat()) if (typeof value === 'object') (value as GPUBuffer).destroy();
}

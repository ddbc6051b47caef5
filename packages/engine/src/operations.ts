import { type LlamaConfig, sightOf, turnedOf } from './config.js';
import { type ExpertsOperations, expertsOperations } from './experts-operations.js';
import { encodeGetRows } from './get-rows.js';
import { atOnce, type Commands, type KernelCache, running } from './kernels.js';
import type { Ending, MulMat, Weight } from './products/mul-mat.js';

/** The tokens that a pass works on. */
export interface Batch {
  readonly tokens: number;
  readonly firstPosition: number;
}

/** Positions seen so far, the batch included. */
export const nKv = (batch: Batch): number => batch.firstPosition + batch.tokens;

/** The steps of the passes as kernels: each call encodes one product or one elementwise kernel. dst comes first. */
export interface Operations extends ExpertsOperations {
  /** dst: (tokens, columns) ← the weight's rows at the token ids. */
  getRows(dst: GPUBuffer, weight: Weight, tokens: GPUBuffer): void;
  /** dst ← x / sqrt(mean(x²) + ε). */
  rmsNorm(dst: GPUBuffer, x: GPUBuffer): void;
  /** dst ← dst · w, w: (embeddingLength). */
  mul(dst: GPUBuffer, w: GPUBuffer): void;
  /** The two of each head of Q or K, or of all together where the model has it so. */
  normQ(dst: GPUBuffer, q: GPUBuffer): void;
  normK(dst: GPUBuffer, k: GPUBuffer): void;
  mulQ(q: GPUBuffer, w: GPUBuffer): void;
  mulK(k: GPUBuffer, w: GPUBuffer): void;
  /** dst: (tokens, rows) ← x · Wᵀ (+ bias). */
  mulMat(dst: GPUBuffer, weight: Weight, x: GPUBuffer, bias?: GPUBuffer): void;
  /** dst ← dst + b, b as wide as a row. */
  addBias(dst: GPUBuffer, b: GPUBuffer, width: number): void;
  ropeQ(q: GPUBuffer, rotation: GPUBuffer | undefined): void;
  ropeK(k: GPUBuffer, rotation: GPUBuffer | undefined): void;
  store(cache: GPUBuffer | undefined, x: GPUBuffer): void;
  kq(dst: GPUBuffer, q: GPUBuffer, k: GPUBuffer | undefined): void;
  /** What a token of the layer does not see becomes 0. `sinks`, (heads), take their share and give nothing. */
  softMax(kq: GPUBuffer, il?: number, sinks?: GPUBuffer): void;
  kqv(dst: GPUBuffer, p: GPUBuffer, v: GPUBuffer | undefined): void;
  /** dst ← dst + x. */
  add(dst: GPUBuffer, x: GPUBuffer): void;
  /** x ← x · factor, x: (tokens, embeddingLength); scaleQ of Q, scaleLogits of the logits. */
  scale(x: GPUBuffer, factor: number): void;
  scaleQ(q: GPUBuffer, factor: number): void;
  scaleLogits(logits: GPUBuffer, factor: number): void;
  /** Each row of Q times the number of its position. */
  heat(q: GPUBuffer, temperature: GPUBuffer | undefined): void;
  /** x ← cap · tanh(x / cap). */
  capScores(kq: GPUBuffer, cap: number): void;
  capLogits(logits: GPUBuffer, cap: number): void;
  /** gate ← silu(gate) · up. */
  swiglu(gate: GPUBuffer, up: GPUBuffer): void;
  /** dst ← silu(x) · y, where x and y are the halves of each row. */
  swigluHalves(dst: GPUBuffer, xy: GPUBuffer): void;
  /** gate ← gelu(gate) · up. */
  geglu(gate: GPUBuffer, up: GPUBuffer): void;
}

const WORKGROUP = 64; // as in batch.wgsl

/** So many scores of a head repay copying K and V into a texture and compiling the kernels that read it there. */
const MANY_SCORES = 2 ** 12;
const FROM_TEXTURE = ['data/x_texture', 'data/sixteen', 'fours'] as const;

/** Several steps in one kernel, with the numbers that they have one after the other. What is not written is then nowhere. */
export interface MergedOperations {
  /** dst ← x / sqrt(mean(x²) + ε) · w, of a sum after x ← x + dst. */
  normWeighted(dst: GPUBuffer, x: GPUBuffer, w: GPUBuffer, ofSum: boolean): void;
  /** cache ← k, turned; k stays as it is. With it vCache ← v, if there is one. */
  ropeToCache(
    cache: GPUBuffer,
    k: GPUBuffer,
    rotation: GPUBuffer | undefined,
    ...v: [] | [v: GPUBuffer, vCache: GPUBuffer]
  ): void;
  /** dst ← dst + (x · Wᵀ + bias), or silu(dst) · (x · Wᵀ + bias), or without `into` the product itself. @returns false where there is no such kernel */
  mulMatInto(dst: GPUBuffer, weight: Weight, x: GPUBuffer, ending: Ending): boolean;
}

/** Binds the kernels to a model's sizes and to the batch whose uniform buffer is `uniform`. */
export function createOperations(
  config: LlamaConfig,
  kernels: KernelCache,
  mulMat: MulMat,
  commands: Commands,
  uniform: GPUBuffer,
  batch: Batch,
): Operations & MergedOperations {
  const { headCount: heads, headCountKv: kv_heads, headDim: head_dim, embeddingLength, feedForwardLength } = config;
  const { tokens } = batch;
  const { rowThreads: threads } = kernels;
  const widthOfQ = heads * head_dim;
  const widthOfK = kv_heads * head_dim;
  const epsilon = config.rmsEpsilon;
  const sees_all = config.seesAll ? 1 : 0;

  const runFiles = running(kernels, commands, uniform);
  const run = (kernel: string, constants: Record<string, number>, workgroups: number, ...buffers: GPUBuffer[]) =>
    runFiles([kernel], constants, workgroups, ...buffers);
  const groups = (count: number) => Math.ceil(count / WORKGROUP);
  const each = (width: number) => groups(tokens * width);
  /** Of rows whose numbers are read several at a time. */
  const inParts = (kernel: string, width: number, ...buffers: GPUBuffer[]) => {
    const { count, file } = atOnce(width);
    runFiles([file, kernel], { width }, each(width / count), ...buffers);
  };
  const rope = (x: GPUBuffer, rotation: GPUBuffer | undefined, count: number, ...cache: GPUBuffer[]) =>
    runFiles(
      [['rope_in_place', 'rope_to_cache'][cache.length] ?? 'rope_to_caches', 'rope'],
      { heads: count, head_dim, dims: turnedOf(config), halves: config.ropePairs === 'halves' ? 1 : 0 },
      groups((tokens * count * turnedOf(config)) / 2),
      rotation as GPUBuffer,
      x,
      ...cache,
    );
  const norm = (
    shape: { readonly width: number; readonly parts?: number },
    rows: number,
    x: GPUBuffer,
    dst: GPUBuffer,
    { weight, ofSum = false }: { readonly weight?: GPUBuffer; readonly ofSum?: boolean } = {},
  ) =>
    runFiles(
      [atOnce(shape.width).file, ofSum ? 'summed' : 'unsummed', weight ? 'weighted' : 'unweighted', 'rms_norm'],
      { ...shape, epsilon, threads },
      rows,
      x,
      dst,
      ...(weight ? [weight] : []),
    );
  /** How wide the rows are that are normed, and how many of them a token has. */
  const normed = (count: number) =>
    config.headNorms === 'row' ? { width: count * head_dim, parts: 1 } : { width: head_dim, parts: count };
  const attention = { heads, kv_heads, head_dim, sees_all };
  const ofHead = atOnce(head_dim);
  const seenBytes = nKv(batch) * widthOfK * 4;
  const isInTexture =
    kernels.prefersTextures &&
    tokens * nKv(batch) >= MANY_SCORES &&
    head_dim % 16 === 0 &&
    kernels.copies.fits(seenBytes);
  /** The files of a kernel that reads K or V, and where it finds them. */
  const cached = (kernel: 'kq' | 'kqv', cache: GPUBuffer) =>
    isInTexture
      ? ([[...FROM_TEXTURE, `${kernel}_texture`], kernels.copies.copy(commands.compute(), cache, seenBytes)] as const)
      : ([[ofHead.file, kernel], cache] as const);
  const normHeads = (dst: GPUBuffer, x: GPUBuffer, count: number) => {
    const shape = normed(count);
    norm(shape, tokens * shape.parts, x, dst);
  };
  const mulRows = (shape: { readonly width: number; readonly parts: number }, dst: GPUBuffer, w: GPUBuffer) => {
    const { count, file } = atOnce(shape.width);
    runFiles([file, 'mul'], shape, each((shape.width * shape.parts) / count), w, dst);
  };
  const scale = (x: GPUBuffer, factor: number, width: number) => run('scale', { width, factor }, each(width), x);
  const softCap = (x: GPUBuffer, cap: number, width: number, scores: 0 | 1) =>
    runFiles(['tanh', 'soft_cap'], { cap, width, scores }, each(width * (scores ? nKv(batch) : 1)), x);

  return {
    getRows: (dst, weight, ids) => encodeGetRows(kernels, commands, uniform, dst, weight, ids, tokens),
    rmsNorm(dst, x) {
      norm({ width: embeddingLength }, tokens, x, dst);
    },
    mul(dst, w) {
      mulRows({ width: embeddingLength, parts: 1 }, dst, w);
    },
    normQ: (dst, q) => normHeads(dst, q, heads),
    normK: (dst, k) => normHeads(dst, k, kv_heads),
    mulQ: (q, w) => mulRows(normed(heads), q, w),
    mulK: (k, w) => mulRows(normed(kv_heads), k, w),
    mulMat(dst, weight, x, bias) {
      mulMat.encode(commands.compute(), weight, x, dst, tokens);
      if (bias) inParts('add_bias', weight.rows, bias, dst);
    },
    addBias(dst, b, width) {
      inParts('add_bias', width, b, dst);
    },
    normWeighted(dst, x, weight, ofSum) {
      norm({ width: embeddingLength }, tokens, x, dst, { weight, ofSum });
    },
    ropeToCache: (cache, k, rotation, ...v) => rope(k, rotation, kv_heads, cache, ...v),
    mulMatInto(dst, weight, x, ending) {
      if (!mulMat.canEnd(weight, ending)) return false;
      mulMat.encode(commands.compute(), weight, x, dst, tokens, ending);
      return true;
    },
    ropeQ: (q, rotation) => rope(q, rotation, heads),
    ropeK: (k, rotation) => rope(k, rotation, kv_heads),
    store(cache, x) {
      inParts('store_kv', widthOfK, x, cache as GPUBuffer);
    },
    kq(dst, q, k) {
      const [files, keys] = cached('kq', k as GPUBuffer);
      runFiles(files, attention, groups(tokens * heads * Math.ceil(nKv(batch) / (isInTexture ? 4 : 1))), q, keys, dst);
    },
    softMax(kq, il = 0, sinks) {
      const { window = 0 } = sightOf(config, il);
      const constants = { heads, scale: config.queryScale ? 1 : config.attentionScale, sees_all, window, threads };
      const [kernel, also] = sinks ? (['soft_max_sinks', [sinks]] as const) : (['soft_max', []] as const);
      run(kernel, constants, tokens * heads, kq, ...also);
    },
    kqv(dst, p, v) {
      const [files, values] = cached('kqv', v as GPUBuffer);
      runFiles(files, attention, each(widthOfQ / (isInTexture ? 16 : ofHead.count)), p, values, dst);
    },
    add(dst, x) {
      inParts('add', embeddingLength, x, dst);
    },
    scale: (x, factor) => scale(x, factor, embeddingLength),
    scaleQ: (q, factor) => scale(q, factor, widthOfQ),
    scaleLogits: (logits, factor) => scale(logits, factor, config.vocabularySize),
    heat: (q, temperature) => run('heat', { width: widthOfQ }, each(widthOfQ), temperature as GPUBuffer, q),
    capScores: (kq, most) => softCap(kq, most, heads, 1),
    capLogits: (logits, most) => softCap(logits, most, config.vocabularySize, 0),
    swiglu(gate, up) {
      inParts('swiglu', feedForwardLength, up, gate);
    },
    swigluHalves(dst, xy) {
      inParts('swiglu_halves', feedForwardLength, xy, dst);
    },
    geglu(gate, up) {
      runFiles(['tanh', 'geglu'], { width: feedForwardLength }, each(feedForwardLength), up, gate);
    },
    ...expertsOperations(config, kernels, commands, uniform, tokens),
  };
}

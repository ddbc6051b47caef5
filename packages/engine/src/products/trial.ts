import type { OpenedAdapter } from '../adapter/index.js';
import { packedRowBytes } from '../pack.js';
import { patiently } from '../patient.js';
import { createData, prefersTextures, writeData, writtenBytes } from '../weight-data.js';
import type { WeightType } from '../weight-types.js';
import { type Block, blockKernel } from './kernel.js';
import { createMulMat, type MulMat, type Weight } from './mul-mat.js';
import { UNIFORM_BYTES } from './x-data.js';

/** What is measured with, several times in a submit: large enough for a clock and, on a GPU, for most caches, and in a few milliseconds. */
const SIZES = { cpu: { rows: 2048, columns: 2048 }, gpu: { rows: 16384, columns: 4096 } } as const;
const inSubmit = (tokens: number) => Math.min(8, Math.ceil(32 / tokens));
/** Weights that are to fit beside a model's. */
const MOST_BYTES = 64 << 20;
/** How often, and how long at most, if that is three times. */
const [TIMES, LONGEST] = [9, 300]; // ms
/** Another block than the first is so much faster, or it may be by chance. */
const MARGIN = 0.97;
/** As a share of the largest number: what rounding leaves is a thousandth of it. */
const TOLERANCE = 1e-3;

/** One product of random numbers, and where its result goes. */
interface Trial {
  readonly weight: Weight;
  readonly x: GPUBuffer;
  readonly dst: GPUBuffer;
  readonly tokens: number;
}

/**
 * The fastest of some blocks, each run several times, the blocks taking turns, the shortest time counting. One that a driver does not compile, or with which
 * it computes something else than with the first, is not taken: a kernel may be right everywhere but on this GPU.
 *
 * @param blocks the usual one first
 * @returns undefined where the device has no room for what is measured with
 * @example await fastest(opened, 'Q8_0', 1, candidatesOf(opened.info, '1'), undefined) // { rows: 16, tokens: 1 }
 */
export async function fastest(
  opened: OpenedAdapter,
  type: WeightType,
  tokens: number,
  blocks: readonly Block[],
  signal: AbortSignal | undefined,
): Promise<Block | undefined> {
  const { device, info } = opened;
  const { made: trial, isRefused } = await attempt(device, () => prepare(opened, type, tokens));
  try {
    if (isRefused) return undefined;
    const runs: { readonly block: Block; readonly mulMat: MulMat; shortest: number }[] = [];
    let wanted: Float32Array | undefined;
    for (const block of blocks) {
      signal?.throwIfAborted();
      const mulMat = createMulMat(device, info, () => blockKernel(block, tokens));
      const made = await resultOf(device, mulMat, trial);
      wanted ??= made;
      if (made && wanted && isSame(made, wanted)) runs.push({ block, mulMat, shortest: Number.POSITIVE_INFINITY });
    }
    let spent = 0;
    for (let time = 0; time < TIMES && (time < 3 || spent < LONGEST); time++) {
      for (const run of runs) {
        signal?.throwIfAborted();
        const begin = performance.now();
        submit(device, run.mulMat, trial, inSubmit(tokens));
        await patiently(device.queue.onSubmittedWorkDone());
        const took = performance.now() - begin;
        run.shortest = Math.min(run.shortest, took);
        spent += took;
      }
    }
    opened.check();
    const [first, ...others] = runs;
    if (!first) return blocks[0] as Block;
    return others.reduce((best, run) => (run.shortest < best.shortest * MARGIN ? run : best), first).block;
  } finally {
    for (const one of [...trial.weight.slices.map(({ data }) => data), trial.x, trial.dst]) one.destroy();
  }
}

const PERIOD = 65521;

/** As if by chance, the same each time: a whole number from 0 to below `count`, a power of two. */
const random = (i: number, count: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 16) % count;

/** Weights and numbers that vary. */
function prepare({ device, info }: OpenedAdapter, type: WeightType, tokens: number): Trial {
  const label = 'tried out';
  const { columns, rows: most } = SIZES[info.class];
  const bytes = packedRowBytes(type, columns);
  const rows = Math.min(most, Math.floor(MOST_BYTES / bytes));
  const inTexture = prefersTextures(info);
  const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
  const size = (width: number) => Math.max(tokens * width * 4, UNIFORM_BYTES);
  const x = device.createBuffer({ label, size: size(columns), usage: STORAGE | UNIFORM | COPY_DST }); // as in state.ts
  const dst = device.createBuffer({ label, size: size(rows), usage: STORAGE | COPY_SRC });
  // Halves and floats of these bytes are between 1e-10 and 2. After so many, a prime, they are the same again.
  const bits = new Uint8Array(writtenBytes(rows, bytes, inTexture));
  for (let i = 0; i < PERIOD; i++) bits[i] = 0x30 + random(i, 16);
  for (let i = PERIOD; i < bits.length; i *= 2) bits.copyWithin(i, 0, i);
  const data = createData(device, label, rows, bytes, inTexture);
  writeData(device, data, 0, bits);
  const numbers = Float32Array.from({ length: tokens * columns }, (_, i) => 0.5 + random(i, 128) / 128);
  device.queue.writeBuffer(x, 0, numbers);
  return { weight: { name: label, type, rows, columns, slices: [{ data, firstRow: 0, rows }] }, x, dst, tokens };
}

function submit(
  device: GPUDevice,
  mulMat: MulMat,
  { weight, x, dst, tokens }: Trial,
  times: number,
  read?: GPUBuffer,
): void {
  const encoder = device.createCommandEncoder({ label: weight.name });
  const pass = encoder.beginComputePass();
  for (let i = 0; i < times; i++) mulMat.encode(pass, weight, x, dst, tokens);
  pass.end();
  if (read) encoder.copyBufferToBuffer(dst, 0, read, 0, read.size);
  device.queue.submit([encoder.finish()]);
}

/** What is made on a device, and whether that refuses it. */
async function attempt<T>(
  device: GPUDevice,
  make: () => T,
): Promise<{ readonly made: T; readonly isRefused: boolean }> {
  const filters = ['validation', 'internal', 'out-of-memory'] as const;
  for (const filter of filters) device.pushErrorScope(filter);
  const made = make();
  const errors = await patiently(Promise.all(filters.map(() => device.popErrorScope())));
  return { made, isRefused: errors.some((error) => error !== null) };
}

/** What a kernel computes; undefined where the driver refuses it. */
async function resultOf(device: GPUDevice, mulMat: MulMat, trial: Trial): Promise<Float32Array | undefined> {
  const { MAP_READ, COPY_DST } = GPUBufferUsage;
  const size = trial.tokens * trial.weight.rows * 4;
  const read = device.createBuffer({ label: trial.weight.name, size, usage: MAP_READ | COPY_DST });
  const { isRefused } = await attempt(device, () => submit(device, mulMat, trial, 1, read));
  try {
    if (isRefused) return undefined;
    await patiently(read.mapAsync(GPUMapMode.READ));
    return new Float32Array(read.getMappedRange().slice(0));
  } finally {
    read.destroy();
  }
}

function isSame(made: Float32Array, wanted: Float32Array): boolean {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return made.every((value, i) => Math.abs(value - (wanted[i] as number)) <= TOLERANCE * largest);
}

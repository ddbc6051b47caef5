import {
  Commands,
  createOperations,
  type KernelCache,
  type MulMat,
  packRows,
  patiently,
  type Weight,
} from '@llama-probe/engine/internal';
import { expertsOf } from './expert-cases.js';
import { type Kernel, type KernelCase, POISON_BITS, poison, type Shape, type Values } from './kernel-case.js';
import { EPSILON, scaleOf } from './kernel-cases.js';

const TAIL = 67; // elements behind every buffer
const BEHIND = new Float32Array(TAIL).fill(Math.fround(1.2345e30)); // of the output. Not NaN: NaN · x is the same NaN again

/** How a run compares. */
export interface Outcome {
  /** The largest error as a share of what is allowed, of numbers that f32 holds without flushing. */
  worst: number;
  /** What is wrong, or undefined where every number is right. */
  problem: string | undefined;
}

/** Runs a kernel once, through the engine's own operations, and compares every number with its twin. */
export async function runKernel(
  device: GPUDevice,
  kernels: KernelCache,
  kernel: Kernel,
  shape: Shape,
  values: Values,
  random: () => number,
): Promise<Outcome> {
  const test = kernel.make(shape, values, random, kernels.rowThreads);
  const owned: GPUBuffer[] = [];
  const buffer = (label: string, data: Uint8Array, usage = GPUBufferUsage.STORAGE) => {
    const size = Math.ceil(data.byteLength / 4) * 4;
    const made = device.createBuffer({ label, size, usage: usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    const padded = size === data.byteLength ? data : Uint8Array.from({ length: size }, (_, i) => data[i] ?? 0);
    device.queue.writeBuffer(made, 0, padded.buffer, padded.byteOffset, size);
    owned.push(made);
    return made;
  };
  const buffers = Object.fromEntries(
    Object.entries(test.buffers).map(([name, data]) => [
      name,
      buffer(name, withTail(data, name === test.output ? BEHIND : poison(TAIL))),
    ]),
  );
  const on = (name: string) => buffers[name] as GPUBuffer;

  const batch = { tokens: shape.tokens, firstPosition: shape.first };
  const uniform = buffer(
    'batch',
    bytesOf(Uint32Array.of(shape.tokens, shape.first, shape.first + shape.tokens, 0)),
    GPUBufferUsage.UNIFORM,
  );
  const commands = new Commands(device);
  const noProduct: MulMat = { encode() {}, canEnd: () => false };
  test.encode(
    createOperations(configOf(shape), kernels, noProduct, commands, uniform, batch),
    on,
    weightOf(test, buffer),
  );

  const output = on(test.output);
  const readback = device.createBuffer({
    label: 'readback',
    size: output.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  owned.push(readback);
  commands.copy(output, 0, readback, 0, output.size);
  commands.submit();
  await patiently(readback.mapAsync(GPUMapMode.READ));
  const got = readback.getMappedRange().slice(0);
  for (const each of owned) each.destroy();
  return compare(test, got);
}

function compare({ want, bound }: KernelCase, bytes: ArrayBuffer): Outcome {
  const got = new Float32Array(bytes);
  const bits = new Uint32Array(bytes);
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    if (i >= want.length) {
      if (got[i] === BEHIND[0]) continue;
      return { worst, problem: `wrote ${got[i]} behind the end, ${i - want.length} elements off` };
    }
    const wanted = want[i] as number;
    if (Number.isNaN(wanted)) {
      if (bits[i] === POISON_BITS) continue;
      return { worst, problem: `wrote ${got[i]} at ${i}, which is not the kernel's to write` };
    }
    const delta = Math.abs((got[i] as number) - wanted);
    const allowed = bound[i] as number;
    if (!(delta <= allowed)) {
      return {
        worst,
        problem: `element ${i} is ${got[i]}, wanted ${wanted} ± ${allowed}; it is ${delta / allowed} times as far off`,
      };
    }
    if (delta > 0 && Math.abs(wanted) > 2 ** -100) worst = Math.max(worst, delta / allowed);
  }
  return { worst, problem: undefined };
}

function weightOf({ weight }: KernelCase, buffer: (label: string, data: Uint8Array) => GPUBuffer): Weight {
  if (!weight) return { name: 'none', type: 'F32', rows: 0, columns: 0, slices: [] };
  const { data, type, rows, columns } = weight;
  const rowBytes = data.length / rows;
  let firstRow = 0;
  const slices = weight.slices.map((count) => {
    const bytes = packRows(type, columns, data.slice(firstRow * rowBytes, (firstRow + count) * rowBytes));
    const slice = { data: buffer(`rows from ${firstRow}`, bytes), firstRow, rows: count };
    firstRow += count;
    return slice;
  });
  return { name: 'table', type, rows, columns, slices };
}

export function configOf(s: Shape) {
  return {
    architecture: 'llama',
    blockCount: 1,
    embeddingLength: s.embd,
    feedForwardLength: s.ff,
    headCount: s.heads,
    headCountKv: s.kvHeads,
    headDim: s.headDim,
    vocabularySize: s.ff,
    contextLength: s.first + s.tokens,
    rmsEpsilon: EPSILON,
    ropeFreqBase: 10000,
    ropeFreqScale: 1,
    ropePairs: s.ropePairs ?? ('neighbours' as const),
    ...(s.ropeDims ? { ropeDims: s.ropeDims } : {}),
    attentionScale: scaleOf(s),
    experts: { ...expertsOf(s), feedForwardLength: s.ff },
    ...(s.headNorms ? { headNorms: s.headNorms } : {}),
    ...(s.window ? { windows: { size: s.window, layers: [true] } } : {}),
  };
}

const bytesOf = (data: Float32Array | Uint32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** What is behind an input shows when it is read, and what is behind the output when it is written. */
function withTail(data: Float32Array | Uint32Array, tail: Float32Array): Uint8Array {
  const all = new Uint8Array(data.byteLength + tail.byteLength);
  all.set(bytesOf(data));
  all.set(bytesOf(tail), data.byteLength);
  return all;
}

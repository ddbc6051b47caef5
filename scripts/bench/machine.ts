import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type OpenedAdapter,
  patiently,
  prefersTextures,
  resourceOf,
  TEXELS,
  type WeightData,
} from '@llama-probe/engine/internal';
import { best, type Line } from './clock.js';

/** What an adapter can do at most. */
export interface Peaks {
  readonly read: number; // bytes a second, in a shader, of a buffer
  readonly readOfTexture?: number; // the same, where the engine has its weights in those
  readonly fma: number; // FLOP a second, in a shader
}

/** What this adapter and this machine can do at most: everything else is a ratio to these. */
export interface Machine extends Peaks {
  readonly memory: number; // bytes a second, copied by the host
  readonly disk: number; // bytes a second, written and synced
  readonly lines: readonly Line[];
}

/**
 * What fills an adapter. A GPU computes with many thousands of threads at once, has caches that would hold what is read of a CPU's memory here, and is
 * done with one dispatch sooner than the host hears of it.
 */
const SIZES = {
  cpu: { bytes: 64 << 20, threads: 4096 },
  gpu: { bytes: 1 << 30, threads: 1 << 18 },
};
/** A submit takes so long at least: then what it costs by itself does not count. */
const LONG_ENOUGH = 0.02; // seconds

/** @param most how many bytes may be taken of its memory */
export async function measurePeaks(
  { device, info }: Pick<OpenedAdapter, 'device' | 'info'>,
  most = Number.POSITIVE_INFINITY,
): Promise<Peaks> {
  const { bytes, threads } = SIZES[info.class];
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const fits = Math.min(bytes, most, maxBufferSize, maxStorageBufferBindingSize);
  const data = await filled(device, 2 ** Math.floor(Math.log2(fits)));
  const read = await shaderRead(device, 'read_buffer.wgsl', data, data.size);
  let readOfTexture: number | undefined;
  if (prefersTextures(info)) {
    const texture = inTexture(device, data);
    readOfTexture = await shaderRead(device, 'read_texture.wgsl', texture, data.size);
    texture.destroy();
  }
  data.destroy();
  return { read, ...(readOfTexture ? { readOfTexture } : {}), fma: await shaderFma(device, threads) };
}

export async function measureMachine(opened: Pick<OpenedAdapter, 'device' | 'info'>): Promise<Machine> {
  const peaks = await measurePeaks(opened);
  const { read, readOfTexture, fma } = peaks;
  const memory = await hostCopy();
  const disk = await diskWrite();
  return {
    ...peaks,
    memory,
    disk,
    lines: [
      { name: 'shader reads', value: read / 1e9, unit: 'GB/s' },
      ...(readOfTexture ? [{ name: 'shader reads of a texture', value: readOfTexture / 1e9, unit: 'GB/s' }] : []),
      { name: 'shader fused multiply-adds', value: fma / 1e9, unit: 'GFLOP/s' },
      { name: 'host copies memory', value: memory / 1e9, unit: 'GB/s' },
      { name: 'host writes to disk', value: disk / 1e9, unit: 'GB/s' },
    ],
  };
}

/** Halves, everywhere. */
async function filled(device: GPUDevice, bytes: number): Promise<GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const data = device.createBuffer({ size: bytes, usage });
  const chunk = new Float32Array(Math.min(bytes, 16 << 20) / 4).fill(0.5);
  for (let at = 0; at < bytes; at += chunk.byteLength) {
    device.queue.writeBuffer(data, at, chunk, 0, Math.min(chunk.length, (bytes - at) / 4));
    await patiently(device.queue.onSubmittedWorkDone()); // or the driver keeps a copy of all of it
  }
  return data;
}

/** The same in a texture. */
function inTexture(device: GPUDevice, data: GPUBuffer): GPUTexture {
  const texture = device.createTexture({
    size: [TEXELS, data.size / 16 / TEXELS],
    format: 'rgba32float',
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToTexture({ buffer: data, bytesPerRow: TEXELS * 16 }, { texture }, [texture.width, texture.height]);
  device.queue.submit([encoder.finish()]);
  return texture;
}

function kernel(
  device: GPUDevice,
  files: readonly string[],
  constants: Record<string, number>,
  data: WeightData,
  threads: number,
) {
  const code = files.map((file) => readFileSync(new URL(`../../bench/${file}`, import.meta.url), 'utf8')).join('\n');
  const label = files.join();
  const module = device.createShaderModule({ label, code });
  const pipeline = device.createComputePipeline({ label, layout: 'auto', compute: { module, constants } });
  const sums = device.createBuffer({ size: threads * 4, usage: GPUBufferUsage.STORAGE });
  const entries = [data, sums].map((one, binding) => ({ binding, resource: resourceOf(one) }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = async (dispatches: number) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < dispatches; i++) pass.dispatchWorkgroups(threads / 64);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await patiently(device.queue.onSubmittedWorkDone());
  };
  /** How often it can run in a second. */
  const perSecond = async (): Promise<number> => {
    await run(1);
    const dispatches = Math.min(64, Math.ceil(LONG_ENOUGH / (await best(2, () => run(1)))));
    const seconds = await best(5, () => run(dispatches));
    sums.destroy();
    return dispatches / seconds;
  };
  return perSecond;
}

/** A thread's vec4s one after the other, as a CPU's cache has them, and by turns with the other threads, as a GPU reads them at once. */
async function shaderRead(device: GPUDevice, file: string, data: WeightData, bytes: number): Promise<number> {
  let fastest = 0;
  for (const perThread of [4, 16, 64, 256]) {
    const threads = bytes / 16 / perThread;
    if (threads / 64 > device.limits.maxComputeWorkgroupsPerDimension) continue;
    for (const [first, step] of [
      [perThread, 1],
      [1, threads],
    ] as const) {
      const constants = { per_thread: perThread, first, step };
      const perSecond = kernel(device, [file, 'read.wgsl'], constants, data, threads);
      fastest = Math.max(fastest, bytes * (await perSecond()));
    }
  }
  return fastest;
}

async function shaderFma(device: GPUDevice, threads: number): Promise<number> {
  const turns = 2000;
  const data = await filled(device, 1024 * 16);
  const perSecond = kernel(device, ['fma.wgsl'], { turns }, data, threads);
  const fastest = threads * turns * 64 * 2 * (await perSecond());
  data.destroy();
  return fastest;
}

async function hostCopy(): Promise<number> {
  const from = Buffer.alloc(64 << 20, 1);
  const to = Buffer.alloc(64 << 20);
  return from.length / (await best(7, () => from.copy(to)));
}

async function diskWrite(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'llama-probe-bench-'));
  const chunk = Buffer.alloc(8 << 20, 1);
  const seconds = await best(3, () => {
    const file = openSync(join(directory, 'disk'), 'w');
    for (let i = 0; i < 16; i++) writeSync(file, chunk);
    fsyncSync(file);
    closeSync(file);
  });
  rmSync(directory, { recursive: true });
  return (16 * chunk.length) / seconds;
}

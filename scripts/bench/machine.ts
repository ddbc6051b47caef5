import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { best, type Line } from './clock.js';

/** What this adapter and this machine can do at most: everything else is a ratio to these. */
export interface Machine {
  readonly read: number; // bytes a second, in a shader
  readonly fma: number; // FLOP a second, in a shader
  readonly memory: number; // bytes a second, copied by the host
  readonly disk: number; // bytes a second, written and synced
  readonly lines: readonly Line[];
}

export async function measureMachine(device: GPUDevice): Promise<Machine> {
  const read = await shaderRead(device);
  const fma = await shaderFma(device);
  const memory = await hostCopy();
  const disk = await diskWrite();
  return {
    read,
    fma,
    memory,
    disk,
    lines: [
      { name: 'shader reads', value: read / 1e9, unit: 'GB/s' },
      { name: 'shader fused multiply-adds', value: fma / 1e9, unit: 'GFLOP/s' },
      { name: 'host copies memory', value: memory / 1e9, unit: 'GB/s' },
      { name: 'host writes to disk', value: disk / 1e9, unit: 'GB/s' },
    ],
  };
}

function kernel(
  device: GPUDevice,
  file: string,
  constants: Record<string, number>,
  dataBytes: number,
  threads: number,
) {
  const code = readFileSync(new URL(`../../bench/${file}`, import.meta.url), 'utf8');
  const module = device.createShaderModule({ label: file, code });
  const pipeline = device.createComputePipeline({ label: file, layout: 'auto', compute: { module, constants } });
  const data = device.createBuffer({ size: dataBytes, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
  const sums = device.createBuffer({ size: threads * 4, usage: GPUBufferUsage.STORAGE });
  const entries = [data, sums].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const chunk = new Float32Array(1 << 20).fill(0.5);
  for (let at = 0; at < dataBytes; at += chunk.byteLength) {
    device.queue.writeBuffer(data, at, chunk, 0, Math.min(chunk.length, (dataBytes - at) / 4));
  }
  return async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(threads / 64);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
}

async function shaderRead(device: GPUDevice): Promise<number> {
  const bytes = 64 << 20;
  let fastest = 0;
  for (const perThread of [4, 16, 64, 256]) {
    const run = kernel(device, 'read.wgsl', { per_thread: perThread }, bytes, bytes / 16 / perThread);
    await run();
    fastest = Math.max(fastest, bytes / (await best(7, run)));
  }
  return fastest;
}

async function shaderFma(device: GPUDevice): Promise<number> {
  const threads = 4096;
  const turns = 2000;
  const run = kernel(device, 'fma.wgsl', { turns }, 1024 * 16, threads);
  await run();
  return (threads * turns * 64 * 2) / (await best(5, run));
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

import { KernelCache, type OpenedAdapter } from '@llama-probe/engine/internal';
import { best } from '../../bench/clock.js';

/** A kernel that adds 64 numbers, once in a submit and very often in one. */
export async function dispatchCost(opened: OpenedAdapter): Promise<{ each: number; submit: number }> {
  const { device } = opened;
  const pipeline = new KernelCache(opened).pipeline(['batch.wgsl', 'fours.wgsl', 'add.wgsl'], { width: 64 });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const batch = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(batch, 0, Uint32Array.of(1, 0, 1, 0));
  const [y, x] = [1, 2].map(() => device.createBuffer({ size: 256, usage: usage & ~GPUBufferUsage.UNIFORM }));
  const entries = [batch, y, x].map((buffer, binding) => ({ binding, resource: { buffer: buffer as GPUBuffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = (dispatches: number) => async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < dispatches; i++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
  await run(1)();
  const submit = await best(20, run(1));
  const many = 2000;
  const all = await best(5, run(many));
  for (const buffer of [batch, y, x]) buffer?.destroy();
  return { each: Math.max(0, all - submit) / (many - 1), submit };
}

const MOST_BOUND = 8; // no kernel binds more

/**
 * Dispatches a kernel with tiny buffers at every binding. Over OpenGL ES a context outlives its device, and holds what was bound
 * last: without this, each device that is opened and closed would leave the model's largest matrix in memory.
 */
export function unbindAll(device: GPUDevice): void {
  const count = Math.min(MOST_BOUND, device.limits.maxStorageBuffersPerShaderStage);
  const bindings = Array.from({ length: count }, (_, binding) => binding);
  const code = [
    ...bindings.map((i) => `@group(0) @binding(${i}) var<storage, read_write> b${i}: array<u32>;`),
    `@compute @workgroup_size(1) fn main() { ${bindings.map((i) => `b${i}[0] = 0u;`).join(' ')} }`,
  ].join('\n');
  const label = 'unbind';
  const module = device.createShaderModule({ label, code });
  const pipeline = device.createComputePipeline({ label, layout: 'auto', compute: { module } });
  const entries = bindings.map((binding) => {
    return { binding, resource: { buffer: device.createBuffer({ label, size: 16, usage: GPUBufferUsage.STORAGE }) } };
  });
  const encoder = device.createCommandEncoder({ label });
  const pass = encoder.beginComputePass({ label });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

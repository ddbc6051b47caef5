import { createInstance } from './dawn.js';
import { captureStderr } from './quiet.js';

/** A device that checks WGSL, overrides and limits like any other and computes nothing. It needs no adapter. */
export async function openValidationDevice(): Promise<{ device: GPUDevice; close(): void }> {
  const gpu = await createInstance(['backend=null']);
  const { result } = await captureStderr(() => gpu.requestAdapter());
  const adapter = await result;
  if (!adapter) throw new Error('the npm package webgpu offers no null backend any more');
  const device = await adapter.requestDevice({ label: 'validation' });
  return { device, close: () => device.destroy() };
}

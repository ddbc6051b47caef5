/** What was compiled for a device, by its text. */
interface Compiled {
  readonly modules: Map<string, GPUShaderModule>;
  readonly pipelines: Map<string, GPUComputePipeline>;
}

const known = new WeakMap<GPUDevice, Compiled>();

/**
 * A kernel of this text. The same text is compiled once for a device, whichever engines have that by turns (adapter/keep.ts).
 *
 * @param label what it is called in a profiler @param layout of its bindings: of one label always the same
 * @example compile(device, 'swiglu.wgsl', shaderSource('swiglu.wgsl'))
 */
export function compile(
  device: GPUDevice,
  label: string,
  code: string,
  { layout = 'auto', constants = {} }: { layout?: GPUPipelineLayout | 'auto'; constants?: Record<string, number> } = {},
): GPUComputePipeline {
  const { modules, pipelines } = known.get(device) ?? { modules: new Map(), pipelines: new Map() };
  known.set(device, { modules, pipelines });
  const key = `${label} ${JSON.stringify(constants)} ${code}`;
  const made = pipelines.get(key);
  if (made) return made;
  const module = modules.get(code) ?? device.createShaderModule({ label, code });
  modules.set(code, module);
  const pipeline = device.createComputePipeline({ label, layout, compute: { module, constants } });
  pipelines.set(key, pipeline);
  return pipeline;
}

export type AdapterKind = 'gpu' | 'llvmpipe' | 'lavapipe' | 'swiftshader';

/** The limits that decide how weights are cut and kernels are sized. */
export const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxTextureDimension2D',
] as const;

export type AdapterLimits = Record<(typeof LIMITS)[number] | 'minStorageBufferOffsetAlignment', number>;

/** Features a kernel or a benchmark can use; the others are about textures. */
export const FEATURES = ['core-features-and-limits', 'shader-f16', 'subgroups', 'timestamp-query'] as const;

export interface AdapterInfo {
  kind: AdapterKind;
  /** For people: `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  name: string;
  /** `OpenGL ES`, `Vulkan`, `Metal` or `D3D12`. */
  backend: string;
  level: 'core' | 'compatibility';
  /** Picks the family of kernels. */
  class: 'cpu' | 'gpu';
  features: string[];
  /** How many threads the smallest of its subgroups has, where it has the feature. */
  subgroupMinSize?: number;
  limits: AdapterLimits;
}

// Software drivers by what they call themselves. Over OpenGL, Dawn does not mark them as fallback adapters.
const SOFTWARE = /llvmpipe|softpipe|swrast|swiftshader|basic-render/i;

export function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE.test(`${info.device} ${info.architecture}`);
}

export function describeAdapter(adapter: GPUAdapter, kind: AdapterKind, backend: string): AdapterInfo {
  const limits = { minStorageBufferOffsetAlignment: adapter.limits.minStorageBufferOffsetAlignment } as AdapterLimits;
  for (const limit of LIMITS) limits[limit] = adapter.limits[limit];
  return {
    kind,
    name: adapterName(adapter.info, kind),
    backend,
    level: adapter.features.has('core-features-and-limits') ? 'core' : 'compatibility',
    class: isSoftware(adapter) ? 'cpu' : 'gpu',
    features: FEATURES.filter((feature) => adapter.features.has(feature)),
    ...(adapter.features.has('subgroups') ? { subgroupMinSize: adapter.info.subgroupMinSize } : {}),
    limits,
  };
}

/** Dawn turns `llvmpipe (LLVM 15.0.6, 256 bits)` into `llvmpipe-llvm-15-0-6-256-bits-`; this undoes it where it can. */
function adapterName(info: GPUAdapterInfo, kind: AdapterKind): string {
  const llvmpipe = /llvmpipe-llvm-(\d+)-(\d+)-(\d+)-(\d+)-bits/.exec(info.device);
  if (llvmpipe) {
    const [, major, minor, patch, bits] = llvmpipe;
    const mesa = /Mesa [\w.]+/.exec(info.description)?.[0];
    return `${kind} (${mesa ? `${mesa}, ` : ''}LLVM ${major}.${minor}.${patch}, ${bits} bits)`;
  }
  if (kind === 'swiftshader') return info.description.replace(' driver', '');
  const device = info.device || info.architecture || info.vendor || 'unnamed GPU';
  return info.description ? `${device} (${info.description})` : device;
}

import { existsSync, readdirSync } from 'node:fs';
import { preload } from './dawn.js';
import { type AdapterKind, isSoftware } from './info.js';
import { preloadEgl } from './libegl.js';
import { unpackSwiftShader } from './swiftshader.js';

/** One way to an adapter. */
export interface Attempt {
  kind: AdapterKind;
  backend: 'OpenGL ES' | 'Vulkan' | 'Metal' | 'D3D12';
  /** What is needed before Dawn is asked: the variables to set meanwhile, or why it is no use. */
  prepare(asked: boolean): { environment: Record<string, string> } | { reason: string };
  accepts(adapter: GPUAdapter): boolean;
  remedy: string;
}

export const DAWN_BACKEND: Record<Attempt['backend'], string> = {
  'OpenGL ES': 'opengles',
  Vulkan: 'vulkan',
  Metal: 'metal',
  D3D12: 'd3d12',
};

const GPU_REMEDY =
  'install the Vulkan driver of the GPU (Debian, Ubuntu: libvulkan1 mesa-vulkan-drivers, Fedora: vulkan-loader mesa-vulkan-drivers)';
const LLVMPIPE_REMEDY =
  'Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri; Fedora: dnf install mesa-libEGL mesa-dri-drivers';
const LAVAPIPE_REMEDY =
  'Mesa 24 or newer: Debian 12: apt install -t bookworm-backports libvulkan1 mesa-vulkan-drivers; Debian 13, Ubuntu 24.10: apt install libvulkan1 mesa-vulkan-drivers; Fedora: dnf install vulkan-loader mesa-vulkan-drivers';
const SWIFTSHADER_REMEDY = 'npm install @sparticuz/chromium@147 (linux-x64 only)';

const hardware = (adapter: GPUAdapter) => !isSoftware(adapter);
const named =
  (pattern: RegExp) =>
  ({ info }: GPUAdapter) =>
    pattern.test(`${info.device} ${info.description}`);

const gpuOverVulkan: Attempt = {
  kind: 'gpu',
  backend: 'Vulkan',
  prepare(asked) {
    if (!asked && !gpuDevice()) return { reason: NO_GPU_DEVICE };
    const missing = preload('libvulkan.so.1');
    return missing ? { reason: missing } : { environment: {} };
  },
  accepts: hardware,
  remedy: GPU_REMEDY,
};

const gpuOverGl: Attempt = {
  kind: 'gpu',
  backend: 'OpenGL ES',
  prepare(asked) {
    if (!asked && !gpuDevice()) return { reason: NO_GPU_DEVICE };
    const missing = preloadEgl();
    return missing ? { reason: missing } : { environment: { EGL_PLATFORM: 'surfaceless' } };
  },
  accepts: hardware,
  remedy: GPU_REMEDY,
};

const llvmpipe: Attempt = {
  kind: 'llvmpipe',
  backend: 'OpenGL ES',
  prepare() {
    const missing = preloadEgl();
    if (missing) return { reason: missing };
    // Where there are several vendors or a GPU, Mesa's software driver has to be asked for.
    const mesa = '/usr/share/glvnd/egl_vendor.d/50_mesa.json';
    return {
      environment: {
        EGL_PLATFORM: 'surfaceless',
        LIBGL_ALWAYS_SOFTWARE: '1',
        ...(existsSync(mesa) && { __EGL_VENDOR_LIBRARY_FILENAMES: mesa }),
      },
    };
  },
  accepts: named(/llvmpipe/),
  remedy: LLVMPIPE_REMEDY,
};

const lavapipe: Attempt = {
  kind: 'lavapipe',
  backend: 'Vulkan',
  prepare() {
    const missing = preload('libvulkan.so.1');
    if (missing) return { reason: missing };
    if (process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES) return { environment: {} };
    const manifest = lavapipeManifest();
    if (!manifest) return { reason: 'no lvp_icd*.json in /usr/share/vulkan/icd.d or /etc/vulkan/icd.d' };
    return { environment: { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest } };
  },
  accepts: named(/llvmpipe/),
  remedy: LAVAPIPE_REMEDY,
};

const swiftshader: Attempt = {
  kind: 'swiftshader',
  backend: 'Vulkan',
  prepare() {
    try {
      const { loader, manifest } = unpackSwiftShader();
      const failure = preload(loader);
      if (failure) return { reason: failure };
      return { environment: { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest } };
    } catch (error) {
      return { reason: (error as Error).message };
    }
  },
  accepts: named(/swiftshader/i),
  remedy: SWIFTSHADER_REMEDY,
};

const always = (backend: Attempt['backend'], remedy: string): Attempt => ({
  kind: 'gpu',
  backend,
  prepare: () => ({ environment: {} }),
  accepts: () => true,
  remedy,
});

const BY_PLATFORM: Partial<Record<NodeJS.Platform, Attempt[]>> = {
  linux: [gpuOverVulkan, gpuOverGl, llvmpipe, lavapipe, swiftshader],
  darwin: [always('Metal', 'macOS on Apple silicon or a Mac with Metal is needed; virtual machines often have none')],
  win32: [always('D3D12', 'update the graphics driver'), always('Vulkan', 'update the graphics driver')],
};

/** The ways to an adapter on this platform, best first. `LLAMA_PROBE_ADAPTERS` (kinds, separated by commas) narrows them. */
export function attempts(): Attempt[] {
  const all = BY_PLATFORM[process.platform] ?? [];
  const only = process.env.LLAMA_PROBE_ADAPTERS?.split(',');
  return only ? all.filter(({ kind }) => only.includes(kind)) : all;
}

const NO_GPU_DEVICE = 'no GPU device (/dev/dri/renderD*, /dev/nvidia0, /dev/dxg, …)';

// Loading a Vulkan loader and all its drivers costs 100 ms and more, so it is done only where there is hardware to drive.
function gpuDevice(): boolean {
  const nodes = ['/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg', '/dev/mali0', '/dev/kgsl-3d0'];
  return nodes.some((node) => existsSync(node)) || entries('/dev/dri').some((name) => name.startsWith('renderD'));
}

function lavapipeManifest(): string | undefined {
  for (const folder of ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d']) {
    const name = entries(folder).find((entry) => /^lvp_icd.*\.json$/.test(entry));
    if (name) return `${folder}/${name}`;
  }
  return undefined;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

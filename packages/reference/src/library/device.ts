import { UnsupportedLibraryError } from '../errors.js';
import type { Functions, Pointer } from './functions.js';
import type { LibraryFiles } from './locate.js';

/** What ggml computes on. */
export interface Device {
  /** As ggml calls it. @example 'Vulkan0' */
  readonly name: string;
  /** @example 'llvmpipe (LLVM 15.0.6, 256 bits)' */
  readonly description: string;
  readonly address: Pointer;
}

const CPU = 0; // enum ggml_backend_dev_type

/** The device of that name, in whatever case, of all backends that the libraries have. @throws UnsupportedLibraryError `device-unknown` */
export function findDevice(files: LibraryFiles, functions: Functions, wanted: string): Device {
  for (const file of files.backends.values()) functions.ggml_backend_load(file);
  const count = Number(functions.ggml_backend_dev_count());
  const devices = Array.from({ length: count }, (_, i): Device & { readonly type: number } => {
    const address = functions.ggml_backend_dev_get(i);
    const name = functions.ggml_backend_dev_name(address);
    const description = functions.ggml_backend_dev_description(address);
    return { name, description, address, type: functions.ggml_backend_dev_type(address) };
  }).filter(({ type }) => type !== CPU);
  const found = devices.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (found) return found;
  const has = devices.map(({ name, description }) => `${name} (${description})`).join(', ');
  const backends = [...files.backends.keys()].join(', ');
  const remedy = has
    ? 'Choose one of these'
    : backends
      ? 'See that its driver is installed, and for Vulkan on a CPU set GGML_VK_VISIBLE_DEVICES=0'
      : 'Build llama.cpp with a backend for it, or leave --device out';
  throw new UnsupportedLibraryError(
    'device-unknown',
    `${files.directory}: there is no device ${wanted}; ${has ? `there is ${has}` : `of the backends there (${backends || 'only that of the CPU'}) none has a device`}. ${remedy}.`,
  );
}

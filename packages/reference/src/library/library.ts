import koffi, { type LibraryHandle } from 'koffi';
import { LlamaCppError, UnsupportedLibraryError } from '../errors.js';
import { type Device, findDevice } from './device.js';
import { FUNCTIONS, type Functions, type Pointer } from './functions.js';
import { type LibraryFiles, libraryDirectory, libraryFiles, WANTED, wrongRelease } from './locate.js';
import { DEFAULTS, GgmlTensor, TENSOR_BYTES } from './structs.js';

export type { Pointer };

export interface LlamaLibrary extends Functions {
  readonly version: string;
  readonly cpuVariant: string;
  /** The builds that this machine can run, and LLAMA_PROBE_CPU lets it, the one that ggml scores highest first. */
  readonly cpuVariants: string[];
  readonly directory: string;
  /** What computes the graph instead of the CPU. */
  readonly device?: Device | undefined;
  /** Copies `bytes` bytes from an address into a typed array. */
  readonly memcpy: (target: Uint8Array, source: Pointer, bytes: number) => void;
  /** Zeros, to be freed with koffi. On Linux in large pages where there are any: a page that is new costs more than what is done with it. */
  readonly allocate: (bytes: number) => Memory;
}

/**
 * Loads llama.cpp with one build of its CPU backend, and checks that it is the release whose structs are known.
 *
 * @param cpuVariant such as `haswell`; without it the build that ggml scores highest on this machine. The environment variable
 * LLAMA_PROBE_CPU names the highest one that is taken: a machine with AVX-512 then is one without.
 * @param device the name of the device that computes, such as `Vulkan0`; the CPU without it
 * @throws UnsupportedLibraryError
 */
export function loadLibrary(directory = libraryDirectory(), cpuVariant?: string, device?: string): LlamaLibrary {
  const files = libraryFiles(directory);
  // Global: the CPU backend that ggml opens later finds its symbols in these.
  const handles = {
    base: koffi.load(files.base, { global: true }),
    ggml: koffi.load(files.ggml, { global: true }),
    llama: koffi.load(files.llama, { global: true }),
  };
  const version = checkVersion(directory, handles);
  const functions = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, [library, result, args]]) => [
      name,
      handles[library].func(name, result, args as never),
    ]),
  ) as unknown as Functions;
  checkLayouts(functions, handles.base);
  const cpu = loadCpu(files, functions, cpuVariant);
  const found = device === undefined ? undefined : findDevice(files, functions, device);
  functions.llama_backend_init();
  return { ...functions, version, directory, ...cpu, device: found, memcpy: loadMemcpy(), allocate: loadAllocate() };
}

function checkVersion(directory: string, handles: Record<'base' | 'llama', LibraryHandle>): string {
  const ask = (library: LibraryHandle, name: string): string => {
    try {
      return library.func(name, 'str', [])();
    } catch {
      return 'unknown';
    }
  };
  const llama = ask(handles.llama, 'llama_version');
  const ggml = ask(handles.base, 'ggml_version');
  // node-llama-cpp builds the tagged source, whose own number ends in -dev.
  if (llama.replace(/-dev$/, '') !== WANTED.llama || ggml.replace(/-dev$/, '') !== WANTED.ggml) {
    throw wrongRelease(directory, `${llama} with ggml ${ggml}`, 'the library itself');
  }
  return WANTED.release;
}

/** The structs are read as declared only if what is known about them comes out. */
function checkLayouts(functions: Functions, base: LibraryHandle): void {
  const objectBytes = 32;
  const found: Record<string, unknown> = {};
  const wanted: Record<string, unknown> = {};
  const compare = (struct: string, value: Record<string, unknown>, defaults: Record<string, unknown>) => {
    for (const [field, expected] of Object.entries(defaults)) {
      const read = typeof value[field] === 'bigint' ? Number(value[field]) : value[field];
      if (read === expected) continue;
      found[`${struct}.${field}`] = String(read);
      wanted[`${struct}.${field}`] = expected;
    }
  };
  compare('llama_model_params', functions.llama_model_default_params(), DEFAULTS.model);
  compare('llama_context_params', functions.llama_context_default_params(), DEFAULTS.context);
  compare('llama_model_quantize_params', functions.llama_model_quantize_default_params(), DEFAULTS.quantize);
  const tensor = Number(base.func('ggml_tensor_overhead', 'size_t', [])()) - objectBytes;
  compare(
    'ggml_tensor',
    { bytes: tensor, declared: koffi.sizeof(GgmlTensor) },
    { bytes: TENSOR_BYTES, declared: TENSOR_BYTES },
  );
  if (Object.keys(found).length > 0) {
    throw new UnsupportedLibraryError(
      'library-layout',
      `llama.cpp says it is ${WANTED.release}, but its structs are laid out differently: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}. It is a modified build; install the published one with: npm install --include=optional`,
    );
  }
}

function loadCpu(
  files: LibraryFiles,
  functions: Functions,
  wanted: string | undefined,
): Pick<LlamaLibrary, 'cpuVariant' | 'cpuVariants'> {
  const names = [...files.cpu.keys()];
  const scores = new Map(names.map((name) => [name, cpuScore(files.cpu.get(name) as string)]));
  const score = (name: string): number => scores.get(name) as number;
  const runs = names.filter((name) => score(name) > 0).sort((a, b) => score(b) - score(a));
  const best = process.env.LLAMA_PROBE_CPU || undefined;
  if (best !== undefined) checkBuild(best, 'LLAMA_PROBE_CPU', names, runs);
  const usable = best === undefined ? runs : runs.slice(runs.indexOf(best));
  const variant = wanted ?? usable[0] ?? '';
  checkBuild(variant, 'the CPU build', names, usable, best);
  // One CPU backend and nothing else: a GPU backend would take over part of the graph.
  const isLoaded = functions.ggml_backend_load(files.cpu.get(variant)) || functions.ggml_backend_reg_by_name('CPU'); // or linked
  if (!isLoaded) {
    throw new LlamaCppError('cpu-backend', `ggml does not load its "${variant}" CPU build: {log}`);
  }
  return { cpuVariant: variant, cpuVariants: usable };
}

/** @param by what names the build, @param best the build that LLAMA_PROBE_CPU lets this machine be */
function checkBuild(variant: string, by: string, names: string[], usable: string[], best?: string): void {
  if (!names.includes(variant)) {
    throw new UnsupportedLibraryError(
      'cpu-variant-unknown',
      `${by} is "${variant}", and llama.cpp's package has no CPU build of that name; it has ${names.join(', ')}, of which this machine runs ${usable.join(', ')}. Choose one of these.`,
    );
  }
  if (!usable.includes(variant)) {
    throw new UnsupportedLibraryError(
      'cpu-variant-unsupported',
      `${by} is "${variant}", and this machine${best ? `, with LLAMA_PROBE_CPU=${best},` : "'s CPU"} cannot run that build of llama.cpp; it can run ${usable.join(', ') || 'none of them'}. Choose one of these.`,
    );
  }
}

/** ggml's own rating of a CPU build on this machine; 0 where it cannot run. */
function cpuScore(file: string): number {
  const library = koffi.load(file);
  try {
    return library.func('ggml_backend_score', 'int', [])();
  } catch {
    return 1; // a platform with a single build needs no score
  } finally {
    library.unload();
  }
}

function loadMemcpy(): LlamaLibrary['memcpy'] {
  const libc = process.platform === 'win32' ? koffi.load('msvcrt.dll') : koffi.load(null);
  return libc.func('memcpy', 'void', ['void *', 'void *', 'size_t']);
}

/** Memory outside of JavaScript's. */
export interface Memory {
  /** What is to be freed. */
  readonly block: Pointer;
  /** Where it begins: at a cache line. */
  readonly address: Pointer;
  readonly bytes: Uint8Array;
}

const LINE = 64n;
const LARGE_PAGE = 2n ** 21n;
const MADV_HUGEPAGE = 14;

const roundUp = (value: bigint, multiple: bigint): bigint => ((value + multiple - 1n) / multiple) * multiple;

function loadAllocate(): LlamaLibrary['allocate'] {
  const madvise = process.platform === 'linux' && koffi.load(null).func('madvise', 'int', ['void *', 'size_t', 'int']);
  return (bytes) => {
    const block: Pointer = koffi.alloc('uint8', bytes + Number(LINE));
    const address = roundUp(block, LINE);
    const begin = roundUp(address, LARGE_PAGE);
    const length = ((address + BigInt(bytes) - begin) / LARGE_PAGE) * LARGE_PAGE;
    if (madvise && length > 0n) madvise(begin, length, MADV_HUGEPAGE);
    return { block, address, bytes: new Uint8Array(koffi.view(address, bytes)) };
  };
}

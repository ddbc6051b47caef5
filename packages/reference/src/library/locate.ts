import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UnsupportedLibraryError } from '../errors.js';

/** The one release whose struct layouts structs.ts declares. */
export const WANTED = { release: 'v0.5.0', llama: '0.5.0', ggml: '0.25.1' };

/** Where node-llama-cpp's prebuilt libraries are, by platform and architecture. */
const PLATFORMS: Record<string, { package: string; bins: string }> = {
  'linux-x64': { package: '@node-llama-cpp/linux-x64', bins: 'linux-x64' },
  'linux-arm64': { package: '@node-llama-cpp/linux-arm64', bins: 'linux-arm64' },
  'darwin-arm64': { package: '@node-llama-cpp/mac-arm64-metal', bins: 'mac-arm64-metal' },
  'darwin-x64': { package: '@node-llama-cpp/mac-x64', bins: 'mac-x64' },
  'win32-x64': { package: '@node-llama-cpp/win-x64', bins: 'win-x64' },
};

/** File names: `libllama.v0.5.0.so`, `libllama.vulkan.v0.5.0.so`, `libggml-cpu-haswell.so`, `libggml-vulkan.so`, `llama.dll`. */
const LIBRARY = /^(?:lib)?(llama|ggml(?:-[\w-]+)?)(?:\.[a-z]+)?(?:\.(v[0-9.]*[0-9]))?\.(?:so|dylib|dll)$/;

const NAMES = new Set(['llama', 'ggml', 'ggml-base']);

export interface LibraryFiles {
  directory: string;
  base: string;
  ggml: string;
  llama: string;
  /** CPU generation, such as `haswell`, or `default` where there is only one → file. */
  cpu: Map<string, string>;
  /** The backends of other devices, such as `vulkan` → file. */
  backends: Map<string, string>;
}

/** The directory of the libraries for this platform. @throws UnsupportedLibraryError `library-not-found`, `platform-unsupported` */
export function libraryDirectory(): string {
  const key = `${process.platform}-${process.arch}`;
  const platform = PLATFORMS[key];
  if (!platform) {
    throw new UnsupportedLibraryError(
      'platform-unsupported',
      `llama.cpp has no prebuilt libraries for ${key}; there are some for ${Object.keys(PLATFORMS).join(', ')}. Capture the reference on such a machine and compare the dumps here.`,
    );
  }
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(platform.package);
  } catch (cause) {
    throw new UnsupportedLibraryError(
      'library-not-found',
      `the package ${platform.package} with llama.cpp's libraries is not installed. Run: npm install --include=optional ${platform.package}@3.22.1`,
      { cause },
    );
  }
  return join(dirname(dirname(entry)), 'bins', platform.bins);
}

/** The library files in a directory, after a look at what release they say they are. */
export function libraryFiles(directory: string): LibraryFiles {
  if (!existsSync(directory)) {
    throw new UnsupportedLibraryError(
      'library-not-found',
      `${directory}: there is no such directory; wanted the one with llama.cpp ${WANTED.release}'s libraries. ${remedyFor(directory)}`,
    );
  }
  const found = new Map<string, string>();
  const cpu = new Map<string, string>();
  const backends = new Map<string, string>();
  for (const file of readdirSync(directory).sort()) {
    const [, name, release] = LIBRARY.exec(file) ?? [];
    if (!name) continue;
    if (release && release !== WANTED.release) throw wrongRelease(directory, release, file);
    if (name.startsWith('ggml-cpu')) cpu.set(name.slice('ggml-cpu-'.length) || 'default', join(directory, file));
    else if (NAMES.has(name)) found.set(name, join(directory, file));
    else backends.set(name.slice('ggml-'.length), join(directory, file));
  }
  const release = buildRelease(directory);
  if (release !== undefined && release !== WANTED.release)
    throw wrongRelease(directory, release, '_nlcBuildMetadata.json');
  const [base, ggml, llama] = ['ggml-base', 'ggml', 'llama'].map((name) => found.get(name));
  if (!base || !ggml || !llama || cpu.size === 0) {
    throw new UnsupportedLibraryError(
      'library-not-found',
      `${directory}: found ${[...found.keys(), ...[...cpu.keys()].map((name) => `ggml-cpu-${name}`)].join(', ') || 'no libraries'}; wanted llama, ggml, ggml-base and ggml-cpu. ${remedyFor(directory)}`,
    );
  }
  return { directory, base, ggml, llama, cpu, backends };
}

function buildRelease(directory: string): string | undefined {
  const path = join(directory, '_nlcBuildMetadata.json');
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')).buildOptions.llamaCpp.release;
  } catch {
    return undefined;
  }
}

export function wrongRelease(directory: string, found: string, where: string): UnsupportedLibraryError {
  const what = `these are the libraries of llama.cpp ${found} (says ${where}), and only ${WANTED.release} is known here`;
  const why = 'other releases lay out their structs differently and would be read wrongly';
  return new UnsupportedLibraryError('library-version', `${directory}: ${what}; ${why}. ${remedyFor(directory)}`);
}

/** Another package for those that came with this project, another build for a user's. */
function remedyFor(directory: string): string {
  const key = `${process.platform}-${process.arch}`;
  return directory.includes('node_modules')
    ? `Install the release that fits: npm install --include=optional ${PLATFORMS[key]?.package ?? 'node-llama-cpp'}@3.22.1`
    : `Give the folder of a build of llama.cpp ${WANTED.release} with shared libraries (cmake -DBUILD_SHARED_LIBS=ON); for another release, capture its stages and compare the dumps: docs/engine.md.`;
}

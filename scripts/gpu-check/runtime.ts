import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { bundle } from './bundle.js';

/** The top of the repository, seen from scripts/dist/gpu-check/. */
const ROOT = new URL('../../../', import.meta.url);
const PLATFORM = `${process.platform}-${process.arch}`;
const KOFFI = ['index.js', 'index.cjs', 'indirect.js', 'indirect.cjs'];

/** Tells start.sh, as the last file of the archive, that none is missing. */
const LAST = 'complete';

/** Native packages of which parts are enough: those that are for this platform, and what loads them. */
const PACKAGES: ReadonlyArray<readonly [name: string, files: readonly string[]]> = [
  ['webgpu', ['package.json', 'LICENSE.md', 'index.js', `dist/${PLATFORM}/dawn.node`]],
  // With it the warnings of Dawn are kept, and why it finds no adapter can be told.
  [
    'koffi',
    ['package.json', 'LICENSE.txt', ...KOFFI, ...KOFFI.map((name) => `src/koffi/${name}`), 'src/koffi/src/static.js'],
  ],
  [`@koromix/koffi-${PLATFORM}`, ['package.json', 'index.js', `${process.platform}_${process.arch}`]],
  // SwiftShader, 3.5 MB of a package of 70.
  ['@sparticuz/chromium', ['package.json', 'build/cjs/index.cjs', 'bin/swiftshader.tar.br']],
];

/** Everything that start.sh unpacks, as files in a folder: Node, Dawn, SwiftShader and the check. */
export async function gatherRuntime(folder: string, say: (message: string) => void): Promise<void> {
  mkdirSync(folder, { recursive: true });
  say('bundling the engine and the check');
  await bundle(join(folder, 'dist/gpu-check'));
  // What modules look for from where they are: bench/machine.ts its shaders, the comparison's its version.
  cpSync(new URL('scripts/bench', ROOT), join(folder, 'bench'), {
    recursive: true,
    filter: (path) => !basename(path).includes('.') || path.endsWith('.wgsl'),
  });
  copyFileSync(new URL('packages/comparison/package.json', ROOT), join(folder, 'dist/package.json'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');

  say('Node, Dawn and SwiftShader');
  copyStripped(process.execPath, join(folder, 'node'));
  chmodSync(join(folder, 'node'), 0o755);
  for (const [name, files] of PACKAGES) copyPackage(name, files, join(folder, 'node_modules', name));
  for (const library of librariesOfC()) {
    mkdirSync(join(folder, 'lib'), { recursive: true });
    copyFileSync(realpathSync(library), join(folder, 'lib', basename(library)));
  }
  writeFileSync(join(folder, LAST), '');
}

/** A folder as a .tar.gz. */
export async function archive(folder: string, path: string): Promise<void> {
  const names = readdirSync(folder).filter((name) => name !== LAST);
  const tar = spawn('tar', ['-C', folder, '-cf', '-', ...names, LAST], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => tar.once('close', resolve));
  await pipeline(tar.stdout, createGzip({ level: 9 }), createWriteStream(path));
  if ((await ended) !== 0) throw new Error(`tar could not write ${path}`);
}

function copyPackage(name: string, files: readonly string[], into: string): void {
  const from = packageFolder(name);
  if (from === undefined) throw new Error(`the npm package ${name} is not installed, and the pack needs it: npm ci`);
  for (const file of files) {
    const to = join(into, file);
    mkdirSync(dirname(to), { recursive: true });
    if (file.endsWith('.node')) copyStripped(join(from, file), to);
    else cpSync(join(from, file), to, { recursive: true });
  }
}

/** Packages hide their package.json: they are looked for where Node would. */
function packageFolder(name: string): string | undefined {
  const folders = createRequire(new URL('packages/engine/package.json', ROOT)).resolve.paths(name) ?? [];
  return folders.map((folder) => join(folder, name)).find((folder) => existsSync(join(folder, 'package.json')));
}

/** Without its symbols, an eighth of Node, where there is `strip`. */
function copyStripped(from: string, to: string): void {
  try {
    execFileSync('strip', ['-o', to, from], { stdio: 'ignore' });
  } catch {
    copyFileSync(from, to);
  }
}

/** The C++ libraries that this Node has loaded. */
function librariesOfC(): string[] {
  const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: readonly string[] };
  return sharedObjects.filter((path) => /^(libstdc\+\+|libgcc_s)\.so/.test(basename(path)));
}

/** What a machine has to be like. */
export function madeFor(): string {
  const { header } = process.report.getReport() as unknown as {
    header: { glibcVersionCompiler?: string; glibcVersionRuntime?: string };
  };
  const { version } = JSON.parse(readFileSync(new URL('package.json', new URL('packages/engine/', ROOT)), 'utf8')) as {
    version: string;
  };
  return `${PLATFORM}, glibc ${header.glibcVersionCompiler ?? 'of an unknown version'} or newer; Node ${process.version}, engine ${version}`;
}

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { cacheEntry } from './cache.js';

const PACKAGE = '@sparticuz/chromium';
const WANTED = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];

export interface SwiftShader {
  /** A Vulkan loader, for machines without one. */
  loader: string;
  /** The driver manifest, for VK_DRIVER_FILES. */
  manifest: string;
}

/**
 * SwiftShader out of the npm package @sparticuz/chromium, unpacked once into the cache folder. Nothing else of Chromium is touched.
 *
 * @throws Error if the package is not installed, or has no SwiftShader that runs here.
 */
export function unpackSwiftShader(): SwiftShader {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`${PACKAGE} carries SwiftShader for linux-x64 only, this is ${process.platform}-${process.arch}`);
  }
  const root = packageRoot();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = cacheEntry(`swiftshader-${version}`, () => {
    const files = untar(brotliDecompressSync(readFileSync(join(root, 'bin', 'swiftshader.tar.br'))));
    return Object.fromEntries(
      WANTED.map((name) => {
        const bytes = files.get(name);
        if (!bytes) throw new Error(`${PACKAGE} ${version} has no ${name} in bin/swiftshader.tar.br`);
        return [name, bytes];
      }),
    );
  });
  return { loader: join(folder, 'libvulkan.so.1'), manifest: join(folder, 'vk_swiftshader_icd.json') };
}

function packageRoot(): string {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(PACKAGE);
  } catch (cause) {
    throw new Error(`the npm package ${PACKAGE} is not installed`, { cause });
  }
  // Its `exports` hide package.json, so the folder is found from the entry point: <root>/build/cjs/index.cjs.
  return dirname(dirname(dirname(entry)));
}

/** The regular files of a tar archive, by name. */
export function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const text = (from: number, length: number) =>
    Buffer.from(archive.subarray(from, from + length))
      .toString('latin1')
      .split('\0')[0] as string;
  const files = new Map<string, Uint8Array>();
  let at = 0;
  while (at + 512 <= archive.length && archive[at] !== 0) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    const type = text(at + 156, 1);
    if (type === '' || type === '0')
      files.set(text(at, 100).replace(/^\.\//, ''), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

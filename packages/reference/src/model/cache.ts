import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { QuantizeError } from '../errors.js';
import { isAlive } from '../process/alive.js';
import { modelFiles } from './files.js';

let made = 0;

/** Where made models are kept. */
export function cacheDirectory(): string {
  const { LLAMA_PROBE_CACHE, XDG_CACHE_HOME } = process.env;
  return LLAMA_PROBE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'llama-probe');
}

/**
 * The cached file for a source and a recipe, made by `make` if it is not there.
 *
 * `make` writes to a temporary name in the same directory, which becomes the real one when it is whole: a file that
 * exists is whole, even where two processes make it at once or one is killed.
 *
 * @param recipe what else the content depends on, such as `Q4_K_M-v0.5.0`
 * @param bytes about how large it will be
 */
export async function cached(
  source: string,
  recipe: string,
  bytes: number,
  make: (target: string) => Promise<void>,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((message: string) => void) | undefined } = {},
): Promise<string> {
  const directory = join(cacheDirectory(), 'models');
  await guarded(directory, () => mkdir(directory, { recursive: true }));
  const hash = await contentHash(source, signal, onProgress);
  const name = `${basename(source)
    .replace(/\.gguf$/i, '')
    .slice(0, 80)}-${hash.slice(0, 16)}-${recipe}.gguf`;
  const path = join(directory, name);
  if (await exists(path)) return path;
  await removeStale(directory);
  await checkSpace(directory, bytes);
  const partial = join(directory, `.${name}.${process.pid}-${made++}.partial`);
  try {
    await make(partial);
    signal?.throwIfAborted();
    await guarded(directory, () => rename(partial, path));
    return path;
  } finally {
    await rm(partial, { force: true });
  }
}

/** SHA-256 of a model's content (all parts of a split one), remembered by path, size and time so that it is read once. */
export async function contentHash(
  path: string,
  signal?: AbortSignal,
  onProgress?: (message: string) => void,
): Promise<string> {
  const files = await modelFiles(path);
  const identity = JSON.stringify(
    await Promise.all(
      files.map(async (file) => {
        const { size, mtimeMs, ino } = await stat(file);
        return [resolve(file), size, mtimeMs, ino];
      }),
    ),
  );
  const directory = join(cacheDirectory(), 'hashes');
  const memo = join(directory, `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}.txt`);
  try {
    const known = await readFile(memo, 'utf8');
    if (/^[0-9a-f]{64}$/.test(known)) return known;
  } catch {
    // not hashed yet
  }
  onProgress?.(`reading ${basename(path)}`);
  const hash = createHash('sha256');
  for (const file of files) {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { end: false, ...(signal && { signal }) });
  }
  const digest = hash.digest('hex');
  await guarded(directory, async () => {
    await mkdir(directory, { recursive: true });
    const partial = `${memo}.${randomUUID()}`;
    await writeFile(partial, digest);
    await rename(partial, memo);
  });
  return digest;
}

/** Removes what processes that no longer live left half-written. */
async function removeStale(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = Number(/\.(\d+)-\d+\.partial$/.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    await rm(join(directory, name), { force: true });
  }
}

async function checkSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free < bytes) {
    throw new QuantizeError(
      'cache-full',
      `${directory}: the made model needs about ${megabytes(bytes)} and ${megabytes(free)} are free. Free some space, or set LLAMA_PROBE_CACHE to a directory on another disk.`,
    );
  }
}

async function guarded<T>(directory: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new QuantizeError(
      'cache-unwritable',
      `${directory}: cannot be written (${(cause as NodeJS.ErrnoException).code}). Set LLAMA_PROBE_CACHE to a directory that you may write to.`,
      { cause },
    );
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

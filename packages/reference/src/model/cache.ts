import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { makeDirectory, newPartial, writeWhole } from '@llama-probe/dump/files';
import { QuantizeError } from '../errors.js';
import { bytesText, cacheDirectory, hashOf, makeRoom, modelsDirectory, noteUse, removeModel } from './cache-room.js';
import { digest } from './digest.js';
import { modelFiles } from './files.js';

/**
 * The cached file for a source and a recipe, made by `make` if it is not there.
 *
 * `make` writes to a temporary name in the same directory, which becomes the real one when it is whole: a file that exists is whole, even
 * where two processes make it at once or one is killed. Its hash is kept beside it. A file that no longer has it is made again: a model with
 * a flipped bit would accuse every engine for ever.
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
  const directory = modelsDirectory();
  await guarded(directory, async () => makeDirectory(directory));
  const hash = await contentHash(source, signal, onProgress);
  const name = `${basename(source)
    .replace(/(-00001-of-\d{5})?\.gguf$/i, '')
    .slice(0, 80)}-${hash.slice(0, 16)}-${recipe}.gguf`;
  const path = join(directory, name);
  if (await isThere(path)) {
    if (await isIntact(path, signal, onProgress)) {
      await noteUse(path);
      return path;
    }
    onProgress?.(`${path} is not what was written there: making it again`);
    await guarded(directory, () => removeModel(path));
  }
  await makeRoom(bytes);
  onProgress?.(`making ${path}, about ${bytesText(bytes)}`);
  const partial = newPartial(join(directory, `.${name}`));
  try {
    await make(partial);
    signal?.throwIfAborted();
    const made = await digestOf([partial], signal);
    // The hash first: a model without one would be taken for damaged by another process that looks just then.
    await guarded(directory, async () => {
      writeWhole(hashOf(path), made);
      await rename(partial, path);
      writeWhole(await memoOf([path]), made);
    });
    return path;
  } finally {
    await rm(partial, { force: true });
  }
}

/** Whether a made model still has the hash that it was made with. It is read when its size or time has changed, else its hash is remembered. */
async function isIntact(path: string, signal?: AbortSignal, onProgress?: (message: string) => void): Promise<boolean> {
  const made = await readFile(hashOf(path), 'utf8').catch(() => undefined);
  return made !== undefined && made === (await contentHash(path, signal, onProgress));
}

const hashing = new Map<string, Promise<string>>();

/**
 * SHA-256 of a model's content (all parts of a split one), remembered by path, size and time so that it is read once: also by two who ask at the same
 * time.
 */
export async function contentHash(
  path: string,
  signal?: AbortSignal,
  onProgress?: (message: string) => void,
): Promise<string> {
  const files = modelFiles(path);
  const memo = await memoOf(files);
  const known = await readFile(memo, 'utf8').catch(() => ''); // not hashed yet
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const begun = hashing.get(memo);
  if (begun) return begun.catch(() => contentHash(path, signal, onProgress)); // who began may have given up
  onProgress?.(`reading ${basename(path)}`);
  const made = hashed(files, memo, signal).finally(() => hashing.delete(memo));
  hashing.set(memo, made);
  return made;
}

async function hashed(files: readonly string[], memo: string, signal?: AbortSignal): Promise<string> {
  const hash = await digestOf(files, signal);
  await guarded(dirname(memo), async () => writeWhole(memo, hash));
  return hash;
}

/** Where the hash of files is remembered, as they are now. */
async function memoOf(files: readonly string[]): Promise<string> {
  const identity = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs, ino } = await stat(file);
      return [resolve(file), size, mtimeMs, ino];
    }),
  );
  const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
  return join(cacheDirectory(), 'hashes', `${name}.txt`);
}

const SMALL = 16 << 20; // bytes that are hashed sooner than a thread has begun

/** In a thread of its own, since this one has weights to upload. */
async function digestOf(files: readonly string[], signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  if (sizes.reduce((sum, size) => sum + size, 0) <= SMALL) return digest(files);
  const digester = new Worker(new URL('../../dist/bundle/digester.js', import.meta.url), { workerData: files });
  const stop = () => void digester.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [hash] = await Promise.race([once(digester, 'message'), once(digester, 'exit')]);
    signal?.throwIfAborted();
    return hash;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** @throws QuantizeError `cache-unwritable` where nothing can be written to a folder of the cache */
export async function guarded<T>(directory: string, action: () => Promise<T>): Promise<T> {
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

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

import { readdir, rm, stat, statfs, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeDirectory, removeStale } from '@llama-probe/dump/files';
import { QuantizeError } from '../errors.js';

/** Where made models, measured floors, hashes of files and unpacked libraries are kept. */
export function cacheDirectory(): string {
  const { LLAMA_PROBE_CACHE, XDG_CACHE_HOME } = process.env;
  return LLAMA_PROBE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'llama-probe');
}

export const modelsDirectory = (): string => join(cacheDirectory(), 'models');

/** Where the hash of a made model is kept; its time says when the model was used last. */
export const hashOf = (model: string): string => `${model}.sha256`;

/** A made model. */
export interface CachedModel {
  readonly path: string;
  readonly bytes: number;
  readonly used: Date;
}

/** The made models, the one that was used last first. */
export async function cachedModels(): Promise<CachedModel[]> {
  const directory = modelsDirectory();
  const names = (await readdir(directory).catch(() => [])).filter((name) => /^[^.].*\.gguf$/.test(name));
  const found = await Promise.all(
    names.map(async (name): Promise<CachedModel[]> => {
      const path = join(directory, name);
      try {
        const [{ size, mtime }, hash] = await Promise.all([stat(path), stat(hashOf(path)).catch(() => undefined)]);
        return [{ path, bytes: size, used: hash?.mtime ?? mtime }];
      } catch {
        return []; // another process has removed it
      }
    }),
  );
  return found.flat().sort((a, b) => b.used.getTime() - a.used.getTime());
}

/** Notes that a made model is used now: the file system itself may not. */
export async function noteUse(path: string): Promise<void> {
  const now = new Date();
  await utimes(hashOf(path), now, now).catch(() => {}); // of somebody else, or on a disk that is read-only
}

const SHARE = 0.2;

/** How many bytes the made models may have together: `$LLAMA_PROBE_CACHE_LIMIT` (in GB), or a fifth of the disk. @throws QuantizeError */
export async function cacheLimit(): Promise<number> {
  const { LLAMA_PROBE_CACHE_LIMIT: asked } = process.env;
  if (asked) {
    if (!/^\d+(\.\d+)?$/.test(asked)) {
      throw new QuantizeError(
        'cache-limit',
        `LLAMA_PROBE_CACHE_LIMIT is "${asked}". Wanted a number of gigabytes, such as 20.`,
      );
    }
    return Math.floor(Number(asked) * 1e9);
  }
  makeDirectory(modelsDirectory());
  const { blocks, bsize } = await statfs(modelsDirectory());
  return Math.floor(blocks * bsize * SHARE);
}

const JUST_NOW = 10 * 60e3; // ms: whoever was told of it may not have opened it yet

/**
 * Makes room for a model: removes half-written ones of dead processes, then made models until the new one fits under the limit and on the
 * disk, the least recently used first, and none that was used in the last ten minutes.
 *
 * The limit never refuses the new one. @throws QuantizeError `cache-full` where the disk has no room for it
 */
export async function makeRoom(bytes: number): Promise<void> {
  const directory = modelsDirectory();
  removeStale(directory);
  const limit = await cacheLimit();
  const models = await cachedModels();
  let total = models.reduce((sum, model) => sum + model.bytes, 0);
  const isFree = async () => (await freeBytes(directory)) >= bytes;
  for (const model of models.reverse()) {
    if (total + bytes <= limit && (await isFree())) break;
    if (Date.now() - model.used.getTime() < JUST_NOW) continue;
    await removeModel(model.path);
    total -= model.bytes;
  }
  if (await isFree()) return;
  throw new QuantizeError(
    'cache-full',
    `${directory}: the made model needs about ${bytesText(bytes)} and ${bytesText(await freeBytes(directory))} are free. Free some space (probe doctor --clear-cache empties the cache), or set LLAMA_PROBE_CACHE to a directory on another disk.`,
  );
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

export async function removeModel(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(hashOf(path), { force: true });
}

/** Removes all that this tool keeps in its cache, and nothing else that may be in that folder. @returns how many bytes of models went */
export async function clearCache(): Promise<number> {
  const bytes = (await cachedModels()).reduce((sum, model) => sum + model.bytes, 0);
  const directory = cacheDirectory();
  for (const name of await readdir(directory).catch(() => [])) {
    if (/^(models|floors|hashes|swiftshader-.*|egl-stub-.*)$/.test(name))
      await rm(join(directory, name), { recursive: true, force: true });
  }
  return bytes;
}

/** @example bytesText(4.4e9) === '4.4 GB' */
export const bytesText = (bytes: number): string =>
  bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Floors, RunFloors } from '@llama-probe/diff';
import { writeWhole } from '@llama-probe/dump/files';
import { cacheDirectory } from '@llama-probe/reference';
import { decodeFloors, encodeFloors } from './codec.js';

const FORMAT = 3; // of a cached file, and of how floors are measured

/** Where the floors of a key are kept. */
export function cachePath(key: readonly unknown[]): string {
  const hash = sha256(JSON.stringify([FORMAT, ...key]));
  return join(cacheDirectory(), 'floors', `${hash.slice(0, 32)}.txt`);
}

/** The floors of a file that is whole; what is damaged is measured again. */
export async function readCached(path: string): Promise<Floors | undefined> {
  try {
    const [hash, json = ''] = (await readFile(path, 'utf8')).split('\n');
    return hash === sha256(json) ? decodeFloors(JSON.parse(json)) : undefined;
  } catch {
    return undefined; // not measured yet
  }
}

/** A floor that cannot be kept is measured again the next time. */
export async function writeCached(path: string, floors: RunFloors): Promise<void> {
  const json = JSON.stringify(encodeFloors(floors));
  try {
    writeWhole(path, `${sha256(json)}\n${json}`);
  } catch {
    // the cache is full or read-only, and says so where that matters
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** `$LLAMA_PROBE_CACHE`, or `llama-probe` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(): string {
  const { LLAMA_PROBE_CACHE, XDG_CACHE_HOME } = process.env;
  return LLAMA_PROBE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'llama-probe');
}

/** The path of a cached file, made first if it is not there. */
export function cacheFile(name: string, make: () => Uint8Array): string {
  return join(
    cacheEntry(dirname(name), () => ({ [name.slice(dirname(name).length + 1)]: make() })),
    name.slice(dirname(name).length + 1),
  );
}

/**
 * The path of a cached folder, made first if it is not there.
 *
 * It is written under another name and renamed, so that it exists only whole, however many processes make it at once.
 * Where the cache cannot be written, the folder of temporary files serves.
 */
export function cacheEntry(name: string, make: () => Record<string, Uint8Array>): string {
  const places = [cacheFolder(), join(tmpdir(), `llama-probe-${process.getuid?.() ?? 'cache'}`)];
  for (const place of places) {
    const entry = join(place, name);
    if (existsSync(entry)) return entry;
  }
  const files = make();
  let failure: unknown;
  for (const place of places) {
    try {
      return writeEntry(place, name, files);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function writeEntry(place: string, name: string, files: Record<string, Uint8Array>): string {
  const entry = join(place, name);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const unfinished = mkdtempSync(`${entry}.`);
  try {
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(unfinished, file), bytes);
    renameSync(unfinished, entry);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another process was faster: its entry is as good.
    if (!existsSync(entry)) throw error;
  }
  return entry;
}

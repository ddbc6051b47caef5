import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where entries are kept that the cache has no room for. */
let ownTemporary: string | undefined;

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
 * Libraries are loaded from it, so one that somebody else has made, or may write to, is not taken. Where the cache cannot be written, a
 * new folder of temporary files serves, for this process alone.
 */
export function cacheEntry(name: string, make: () => Record<string, Uint8Array>): string {
  const known = knownEntry(name);
  if (known !== undefined) return known;
  const files = make();
  try {
    return writeEntry(cacheFolder(), name, files);
  } catch {
    return writeEntry(temporary(), name, files);
  }
}

/** The path of a cached folder, where it is there and may be taken. */
export function knownEntry(name: string): string | undefined {
  const places = [cacheFolder(), ownTemporary].filter((place) => place !== undefined);
  return places.map((place) => join(place, name)).find(isOurs);
}

/** A real folder, not a link, that belongs to this user or to root, and that nobody else may write to. */
function isOurs(entry: string): boolean {
  let found: Stats;
  try {
    found = lstatSync(entry);
  } catch {
    return false; // not there, or not to be looked at
  }
  if (!found.isDirectory()) return false;
  const user = process.getuid?.();
  if (user === undefined) return true; // Windows has no owner by number, and its folders of a user are the user's
  const OTHERS_WRITE = 0o022;
  return (found.uid === user || found.uid === 0) && (found.mode & OTHERS_WRITE) === 0;
}

/** A folder that did not exist before, gone with the process. */
function temporary(): string {
  if (ownTemporary === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'llama-probe-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    ownTemporary = folder;
  }
  return ownTemporary;
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
    if (!isOurs(entry)) throw error; // else another process of this user was faster, and its entry is as good
  }
  return entry;
}

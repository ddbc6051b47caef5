import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

let made = 0;

/**
 * The name of a file until it is whole: in the same folder, and no other process's or writer's. What processes that no longer live have left
 * half-written of the same file goes.
 *
 * @example newPartial('mine.arrow') // 'mine.arrow.4711-0.partial'
 */
export function newPartial(path: string): string {
  removeStale(dirname(path), `${basename(path)}.`);
  return `${path}.${process.pid}-${made++}.partial`;
}

/** Writes a file at once: whoever looks finds the old one or the new one, whole. @throws what writing or renaming throws; then nothing is left */
export function writeWhole(path: string, content: string | Uint8Array): void {
  makeDirectory(dirname(path));
  const partial = newPartial(path);
  try {
    writeFileSync(partial, content);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/**
 * Removes what processes that no longer live have left half-written in a folder.
 *
 * @param begin what the names begin with, such as `mine.arrow.`; without it every half-written file goes
 */
export function removeStale(folder: string, begin = ''): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // whoever writes there next says why that cannot be
  }
  for (const name of names) {
    const pid = Number(/\.(\d+)-\d+\.partial$/.exec(name)?.[1]);
    if (!name.startsWith(begin) || !pid || isAlive(pid)) continue;
    rmSync(join(folder, name), { force: true });
  }
}

/** Whether a process of this number runs, also one that is not ours. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * mkdir -p. Node's own calls a read-only file system ENOENT, and never returns where one refuses with ENOENT, as /proc does.
 */
export function makeDirectory(path: string): void {
  const make = () => {
    try {
      mkdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  };
  try {
    make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    make();
  }
}

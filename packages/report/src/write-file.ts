import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '@llama-probe/comparison/ask';
import { newPartial } from '@llama-probe/dump/files';

/** The same file under whichever of its names. */
export function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // There is no such file yet; its folder may have other names.
  }
  try {
    return join(realpathSync(dirname(resolve(path))), basename(path));
  } catch {
    return resolve(path);
  }
}

/** @throws UsageError where the file could not be written now. Leaves nothing behind. */
export function checkWritable(option: string, path: string): void {
  try {
    try {
      closeSync(openSync(path, 'wx'));
      rmSync(path); // it was only to see whether it can be made
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      closeSync(openSync(path, 'r+'));
    }
  } catch (error) {
    throw unwritable(option, path, error);
  }
}

/** Writes a file at once: whoever looks finds the old one or the new one, whole. @throws UsageError */
export function writeWhole(option: string, path: string, content: string | Uint8Array): void {
  try {
    const place = placeOf(path); // a link stays one
    if (!isReplaceable(place)) {
      writeFileSync(place, content);
      return;
    }
    const partial = newPartial(place);
    try {
      writeFileSync(partial, content, { flag: 'wx' });
      renameSync(partial, place);
    } catch (error) {
      rmSync(partial, { force: true });
      const { code } = error as NodeJS.ErrnoException;
      // A file that may be written to in a folder that may not, or one that is mounted by itself.
      if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS' && code !== 'EBUSY') throw error;
      writeFileSync(place, content);
    }
  } catch (error) {
    throw unwritable(option, path, error);
  }
}

/** A pipe or a device is written to as it is. */
function isReplaceable(place: string): boolean {
  try {
    return statSync(place).isFile();
  } catch {
    return true;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist. Make it first, or name another file.',
  ENOTDIR: 'a part of its path is a file, not a folder. Name a file in a folder that exists.',
  EISDIR: 'it is a folder. Name a file in it.',
  EACCES: 'you may not write there. Name a file in a folder of yours.',
  EPERM: 'you may not write there. Name a file in a folder of yours.',
  EROFS: 'its file system is read-only. Name a file elsewhere.',
  ENOSPC: 'there is no room left. Free some, or name a file elsewhere.',
  EDQUOT: 'your quota is used up. Free some space, or name a file elsewhere.',
  ENAMETOOLONG: 'its name is too long. Give it a shorter one.',
};

function unwritable(option: string, path: string, error: unknown): UsageError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  const why = REMEDIES[code] ?? 'name a file in a folder that exists and has room.';
  return new UsageError(`${option}: ${path} cannot be written (${code}): ${why}`);
}

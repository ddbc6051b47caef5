import { type FileHandle, open } from 'node:fs/promises';
import { DumpError } from './errors.js';

/** Opens a file for reading. @throws DumpError `dump-not-found` */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new DumpError('dump-not-found', `${path}: cannot be opened (${code}).`, { cause });
  }
}

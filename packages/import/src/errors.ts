import { DumpError } from '@llama-probe/dump';

/** A file that says one thing of itself and is another: cut off, or made by a program with a fault. */
export const damaged = (path: string, what: string, cause?: unknown): DumpError =>
  new DumpError('dump-damaged', `${path}: ${what}. Write it again.`, { cause });

/** A file that is sound, and has what is not read here. */
export const unsupported = (path: string, what: string, remedy: string): DumpError =>
  new DumpError('dump-unsupported', `${path}: ${what}. ${remedy}`);

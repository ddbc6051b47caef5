import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { writeWhole } from '@llama-probe/dump/files';
import { type Baseline, BaselineError } from './baseline.js';
import { decodeBaseline, REMEDY } from './format.js';

/** Writes it whole or not at all. @throws BaselineError `baseline-unwritable` */
export function writeBaseline(path: string, bytes: Uint8Array): void {
  try {
    writeWhole(path, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BaselineError('baseline-unwritable', `${path} cannot be written (${code}). Make room, or its folder.`);
  }
}

/** The bytes of a baseline; undefined if there is none. */
export function baselineBytes(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new BaselineError('baseline-damaged', `${shown(path)}: cannot be read (${code}). ${REMEDY}`);
  }
}

/** Reads a baseline. @throws BaselineError if it is damaged, no baseline, or of another version */
export function readBaseline(path: string): Baseline | undefined {
  const bytes = baselineBytes(path);
  return bytes && decodeBaseline(bytes, shown(path));
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};

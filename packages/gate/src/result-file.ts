import { encode, UsageError } from '@llama-probe/comparison/ask';
import { checkWritable, placeOf, writeWhole } from '@llama-probe/report';
import type { GateResult } from './result.js';

/** Checks before anything runs that a result can be kept. @param taken files that the command itself reads or keeps */
export function checkResultFile(path: string, taken: readonly string[]): void {
  if (path === '' || path === '-') {
    const found = path === '' ? 'got nothing' : '- is no file; --json prints the result to standard output';
    throw new UsageError(`--result: wanted the name of a file for probe merge; ${found}.`);
  }
  if (taken.map(placeOf).includes(placeOf(path))) {
    throw new UsageError(`--result: ${path} is a file that this command itself reads or keeps; name another one.`);
  }
  checkWritable('--result', path);
}

export const writeResultFile = (path: string, result: GateResult): void =>
  writeWhole('--result', path, `${encode(result)}\n`);

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { GateCase } from './case.js';

/**
 * A hash of the files in a repository that the cases depend on: prompts, importance matrices and baselines. It tells two jobs on different commits apart.
 * Models and dumps are not part of it: a job has only those that its own cases need, and may make them itself.
 *
 * @param update baselines are about to be written, so theirs are left out
 */
export function inputsHash(cases: readonly GateCase[], update: boolean): string {
  const hash = createHash('sha256').update(update ? 'update' : '');
  for (const { work, baseline } of cases) {
    const { promptFile, imatrix } = work.kind === 'engine' ? work.options : {};
    for (const path of [promptFile, imatrix, update ? undefined : (baseline ?? undefined)]) {
      const content =
        path !== undefined && existsSync(path) ? createHash('sha256').update(readFileSync(path)) : undefined;
      hash.update(`${content?.digest('hex') ?? 'none'}\n`);
    }
  }
  return hash.digest('hex');
}

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { GateCase } from './case.js';

/**
 * A hash of the files of a repository that decide about its cases: prompts and baselines. Two jobs on different commits have different
 * ones. Models and dumps are not among them: a job has only those that its own cases need, and may make them itself.
 *
 * @param update baselines are about to be written, and so need not be the same
 */
export function inputsHash(cases: readonly GateCase[], update: boolean): string {
  const hash = createHash('sha256').update(update ? 'update' : '');
  for (const { work, baseline } of cases) {
    const prompt = work.kind === 'engine' ? work.options.promptFile : undefined;
    for (const path of [prompt, update ? undefined : (baseline ?? undefined)]) {
      const content =
        path !== undefined && existsSync(path) ? createHash('sha256').update(readFileSync(path)) : undefined;
      hash.update(`${content?.digest('hex') ?? 'none'}\n`);
    }
  }
  return hash.digest('hex');
}

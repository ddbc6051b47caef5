import { join } from 'node:path';
import { modelFiles } from '@llama-probe/reference/files';
import { type Job, recordedIn } from './job.js';
import { filesIn } from './program/files.js';

/** What a comparison reads, and the dumps that it keeps: no output may take their place. */
export function ownFiles(job: Job): string[] {
  const { model } = job.options;
  const named = (path: string | undefined) => (path === undefined ? [] : [path]);
  const parts = model === undefined ? [] : modelFiles(model);
  if (job.command !== 'compare') return [...recordedIn(job), ...parts, ...named(job.options.map)];
  const { imatrix, promptFile, out, map, engine = '' } = job.options;
  const kept = out === undefined ? [] : ['candidate', 'reference'].map((side) => join(out, `${side}.arrow`));
  return [...kept, ...parts, ...named(imatrix), ...named(promptFile), ...named(map), ...filesIn(engine)];
}

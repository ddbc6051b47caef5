import type { ViewOptions } from '../cli/comparison.js';
import type { Context } from '../cli/context.js';
import type { Job } from '../job.js';

/** Runs a comparison again and again, and says as text what changed. @returns the exit code of the last run */
export async function watchAsText(_job: Job, _options: ViewOptions, _context: Context): Promise<number> {
  throw new Error('not here yet');
}

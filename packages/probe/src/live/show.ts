import type { ViewOptions } from '../cli/comparison.js';
import type { Job } from '../job.js';

/** The terminal view of a comparison. @returns the exit code */
export async function showLive(_job: Job, _options: ViewOptions): Promise<number> {
  throw new Error('not here yet');
}

import type { Job } from '@llama-probe/comparison/ask';
import { wholeScreen } from './draw/screen.js';
import { depthOf, painter } from './paint.js';
import { begin, type Size } from './state.js';

/**
 * The first picture, which needs neither Ink nor React: both take longer to load than a command may be silent.
 *
 * @returns the lines of the screen, as the terminal takes them in raw mode
 */
export function firstPicture(job: Job, watch: boolean, size: Size): string {
  return wholeScreen(begin(job, watch, size, 0))
    .map(painter(depthOf(process.env)))
    .join('\r\n');
}

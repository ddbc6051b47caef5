import type { Report } from '@llama-probe/comparison';
import { color } from './color.js';

const MARKED = {
  agree: color.green('✓ agree'),
  diverged: color.red('✗ diverged'),
  incomparable: color.yellow('? incomparable'),
};

/** The outcome in a line. @example verdictLine(report) === '✓ agree: All 1360 stages agree; …' */
export const verdictLine = ({ verdict, reason }: Pick<Report, 'verdict' | 'reason'>): string =>
  `${MARKED[verdict]}: ${reason}`;

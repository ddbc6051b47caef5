import type { Report } from '@llama-probe/comparison';
import { MARKS } from '../words.js';
import { color } from './color.js';

const MARKED = {
  agree: color.green(`${MARKS.agree} agree`),
  diverged: color.red(`${MARKS.diverged} diverged`),
  incomparable: color.yellow(`${MARKS.incomparable} incomparable`),
};

/** The outcome in a line. @example verdictLine(report) === '✓ agree: All 1360 stages agree; …' */
export const verdictLine = ({ verdict, reason }: Pick<Report, 'verdict' | 'reason'>): string =>
  `${MARKED[verdict]}: ${reason}`;

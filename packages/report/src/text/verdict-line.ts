import type { Report } from '@llama-probe/comparison';
import { headlineOf } from '../culprits.js';
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

/** The same of a comparison: what is wrong, where that is known. @example '✗ diverged: RoPE has another base frequency: q_rope, layer 1' */
export const headlineLine = (report: Pick<Report, 'verdict' | 'reason'> & Parameters<typeof headlineOf>[0]): string =>
  verdictLine({
    verdict: report.verdict,
    reason: (report.verdict === 'diverged' ? headlineOf(report) : null) ?? report.reason,
  });

import type { Report } from '@llama-probe/comparison';
import { headlineOf } from '../culprits.js';
import { MARKS } from '../words.js';
import { color } from './color.js';

const MARKED = {
  agree: color.green(`${MARKS.agree} agree`),
  diverged: color.red(`${MARKS.diverged} diverged`),
  incomparable: color.yellow(`${MARKS.incomparable} incomparable`),
};

type Judged = Pick<Report, 'verdict' | 'reason'> & Partial<Pick<Report, 'faults' | 'first' | 'diagnosis' | 'between'>>;

/** The outcome in a line: what is wrong where that is known. @example verdictLine(report) === '✓ agree: All 1360 stages agree; …' */
export function verdictLine({
  verdict,
  reason,
  faults = null,
  first = null,
  diagnosis = null,
  between,
}: Judged): string {
  const headline =
    verdict === 'diverged' ? headlineOf({ faults, first, diagnosis, ...(between ? { between } : {}) }) : null;
  return `${MARKED[verdict]}: ${headline ?? reason}`;
}

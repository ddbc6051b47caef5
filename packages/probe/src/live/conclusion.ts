import { color } from '../report/color.js';
import type { ReportHead } from './protocol.js';

/** What the terminal view has come to when it is left. */
export interface End {
  /** null where it was left before there was one. */
  readonly report: ReportHead | null;
  /** Files that were written, by the command's options or by hand. */
  readonly written: readonly string[];
  /** Why there is no report. */
  readonly failure: { readonly message: string; readonly code: string | null } | null;
}

const MARKS = {
  agree: color.green('✓ agree'),
  diverged: color.red('✗ diverged'),
  incomparable: color.yellow('? incomparable'),
};

/** What stays among the shell's lines: the verdict, where the first fault is, and its cause. */
export function conclusion({ report, written }: End): string {
  if (!report) return 'probe: left before there was a verdict.\n';
  const { verdict, reason, first, diagnosis } = report;
  const where = first?.where ? [`  where: ${first.where.text}`] : [];
  const cause = diagnosis ? [`  cause: ${diagnosis.text}`] : [];
  const files = written.map((path) => `  wrote ${path}`);
  return `${[`${MARKS[verdict]}: ${reason}`, ...where, ...cause, ...files].join('\n')}\n`;
}

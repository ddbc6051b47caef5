import type { Checked, Unseen } from '@llama-probe/diff';
import type { Report } from './report.js';

const SHOWN = 4;

/** What is broken of each side by itself, and what these tokens cannot show; nothing where all is well. */
export function checksText({
  checks,
  unseen,
  candidate,
  reference,
}: Pick<Report, 'checks' | 'unseen' | 'candidate' | 'reference'>): string {
  return [
    ...broken(candidate.name, checks.candidate),
    ...broken(reference.name, checks.reference),
    ...notSeen(unseen),
  ].join('\n');
}

/** What is broken, one line each. */
export function broken(name: string, { broken }: Checked): string[] {
  if (broken.length === 0) return [];
  const more = broken.length > SHOWN ? [`  … and ${broken.length - SHOWN} more (--json has them all)`] : [];
  return [
    `${name} by itself, without any reference:`,
    ...broken.slice(0, SHOWN).map(({ text }) => `  ${text}`),
    ...more,
  ];
}

function notSeen(unseen: readonly Unseen[]): string[] {
  return unseen.map(({ what, why, remedy }) => `not seen: ${what} (${why}; ${remedy})`);
}

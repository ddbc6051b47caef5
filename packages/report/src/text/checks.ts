import type { Report } from '@llama-probe/comparison';
import type { Checked } from '@llama-probe/diff';
import { brokenLines, notSeen } from '../words.js';

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
    ...unseen.map((one) => `not seen: ${notSeen(one)}`),
  ].join('\n');
}

/** What is broken: of each check and stage the first place. */
export function broken(name: string, checked: Checked): string[] {
  if (checked.broken.length === 0) return [];
  const lines = brokenLines(checked).map(({ text }) => `  ${text}`);
  const more = lines.length > SHOWN ? ['  … and more (--json has them all)'] : [];
  return [`${name} by itself, without any reference:`, ...lines.slice(0, SHOWN), ...more];
}

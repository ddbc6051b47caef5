import type { Report } from '@llama-probe/comparison';
import type { Checked, Unseen } from '@llama-probe/diff';

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

/** What is broken: of each check and stage the first place. */
export function broken(name: string, { broken }: Checked): string[] {
  if (broken.length === 0) return [];
  const kinds = new Map<string, string[]>();
  for (const { check, stage, text } of broken) {
    const kind = `${check} ${stage}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), text]);
  }
  const lines = [...kinds.values()].map(
    ([first, ...others]) => `  ${first}${others.length > 0 ? ` The same at ${others.length} more places.` : ''}`,
  );
  const more = lines.length > SHOWN ? ['  … and more (--json has them all)'] : [];
  return [`${name} by itself, without any reference:`, ...lines.slice(0, SHOWN), ...more];
}

function notSeen(unseen: readonly Unseen[]): string[] {
  return unseen.map(({ what, why, remedy }) => `not seen: ${what} (${why}; ${remedy})`);
}

import type { Finding, Note } from '@llama-probe/comparison/ask';
import type { StageId } from '@llama-probe/diff';

type Place = Pick<StageId, 'layer' | 'stage'>;

const SEVERITY: Readonly<Record<Note['level'], number>> = { error: 2, warning: 1, notice: 0 };

/** The gravest note about a stage, at whichever step. */
export function noteAt({ notes }: Pick<Finding, 'notes'>, { layer, stage }: Place): Note | undefined {
  return notes
    .filter(({ at }) => at?.layer === layer && at.stage === stage)
    .reduce<Note | undefined>((a, b) => (a && SEVERITY[a.level] >= SEVERITY[b.level] ? a : b), undefined);
}

/** Whether a stage that is wrong is allowed to be: the run agrees all the same, or a gate warns of it and holds others against the run. */
export function isAllowed(finding: Pick<Finding, 'verdict' | 'notes'>, place: Place): boolean {
  if (finding.verdict === 'agree') return true;
  const level = noteAt(finding, place)?.level;
  if (level === 'error' || level === 'warning') return level === 'warning';
  // A gate's warning is about several stages and names one of them. Where each of its errors names a stage, the others are allowed.
  const errors = finding.notes.filter((note) => note.level === 'error');
  const warns = finding.notes.some((note) => note.level === 'warning' && note.at);
  return warns && errors.length > 0 && errors.every(({ at }) => at !== undefined);
}

/** What a gate holds against a stage. */
export const errorsAt = ({ notes }: Pick<Finding, 'notes'>, { layer, stage }: Place): string[] =>
  notes
    .filter(({ level, at }) => level === 'error' && at?.layer === layer && at.stage === stage)
    .map(({ text }) => text);

import type { Note } from '@llama-probe/comparison/ask';
import { describe, type StageId } from '@llama-probe/diff';
import { idOf } from '@llama-probe/dump/stage';
import type { KnownFault } from '../config/case.js';
import { matcher } from './stage-limits.js';

/** What the known faults say about stages that are wrong. */
export interface Sorted<T extends StageId> {
  /** No known fault allows them, or not any more. */
  readonly wrong: readonly T[];
  /** Why a stage is not allowed although it is known. */
  readonly notes: readonly Note[];
  /** The indices of the known faults that matched something. */
  readonly used: readonly number[];
}

/** Tells stages that may be wrong until a date from the others. @param today as YYYY-MM-DD */
export function allow<T extends StageId>(roots: readonly T[], known: readonly KnownFault[], today: string): Sorted<T> {
  const entries = known.map((fault) => ({ fault, isMeant: matcher(fault), stages: [] as T[] }));
  const wrong = roots.filter((root) => {
    const matching = entries.filter(({ isMeant }) => isMeant(root));
    for (const { stages } of matching) stages.push(root);
    return !matching.some(({ fault }) => today <= fault.until);
  });
  const used = entries.filter(({ stages }) => stages.length > 0);
  const notes = used.map(({ fault, stages }): Note => {
    const [first] = stages as [T, ...T[]];
    const { until, reason } = fault;
    const where = `${describe(first)}${stages.length > 1 ? ` and ${stages.length - 1} more` : ''}`;
    const at = idOf(first);
    return today <= until
      ? { level: 'warning', text: `known fault, allowed until ${until}: ${where} (${reason})`, at }
      : {
          level: 'error',
          text: `known fault, which was allowed until ${until} only: ${where} (${reason}). Mend it, or give it another date.`,
          at,
        };
  });
  return { wrong, notes, used: used.map(({ fault }) => fault.index) };
}

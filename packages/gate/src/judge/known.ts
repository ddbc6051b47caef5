import type { Note } from '@llama-probe/comparison/ask';
import { describe, type StageId } from '@llama-probe/diff';
import { idOf } from '@llama-probe/dump/stage';
import type { KnownFault } from '../config/case.js';
import type { BadStages } from './bad-stages.js';
import { matcher } from './stage-limits.js';

/** What the known faults say about stages that are wrong. */
export interface Allowance<T extends StageId> {
  /** Stages that no known fault allows, or not any more. */
  readonly wrong: readonly T[];
  /** Why a stage is not allowed although it is known. */
  readonly notes: readonly Note[];
  /** The indices of the known faults that matched something. */
  readonly used: readonly number[];
}

/** Separates the stages that known faults allow from those that fail the case. @param today as YYYY-MM-DD */
export function allow<T extends StageId>(
  roots: readonly T[],
  known: readonly KnownFault[],
  today: string,
): Allowance<T> {
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

/** Stages that no known fault names, of those whose cause could not be told. */
function unnamed(stages: readonly StageId[], known: readonly KnownFault[], today: string): readonly StageId[] {
  const valid = known.filter(({ until }) => today <= until).map(matcher);
  return stages.filter((stage) => !valid.some((isMeant) => isMeant(stage)));
}

/** Known faults that were not found because they are downstream of a bad stage, and no second run could show them. */
export function untoldFaults({ open }: BadStages, known: readonly KnownFault[], used: readonly number[]): number[] {
  const hidden = known.filter((fault) => !used.includes(fault.index) && open.all.some(matcher(fault)));
  return hidden.map(({ index }) => index);
}

/** What is downstream of a known fault is excused only if a second run has shown that it merely inherits. */
export function hiddenReason(
  { roots, open }: BadStages,
  known: readonly KnownFault[],
  today: string,
): string | undefined {
  const [first] = roots;
  const hidden = unnamed(open.diverged, known, today);
  const [one] = hidden;
  if (!first || !one) return undefined;
  const count = hidden.length === 1 ? '1 further stage' : `${hidden.length} further stages`;
  return `${count} diverged downstream of the known fault of ${describe(first)}, such as ${describe(one)}; without a second run it cannot be told whether they only inherit. Mend the fault, or name them in "known" as well.`;
}

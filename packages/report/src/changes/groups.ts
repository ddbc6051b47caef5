import type { Measured, StageChange } from '@llama-probe/comparison';
import { count, fromTo } from '@llama-probe/comparison/ask';
import { ranges } from '../words.js';

/** The changes of one stage name, in whichever layers and steps. */
export interface ChangeGroup {
  /** @example 'q_rope of layers 0 to 3 at steps 0 to 16' */
  readonly place: string;
  readonly stages: number;
  /** Of the one that is or was the furthest off. @example '1.1e-7 → 8.4e-1' */
  readonly deltas: string;
  /** How it was judged; empty where it still is so. @example 'agrees → diverged' */
  readonly verdicts: string;
}

/** Changes in one direction: those that are a stage's own, by its name, and of how many the error is or was inherited. */
export function groupChanges(
  changes: readonly StageChange[],
  direction: 'better' | 'worse',
): { readonly own: readonly ChangeGroup[]; readonly inherited: number } {
  const sick = (change: StageChange): Measured => (direction === 'worse' ? change.after : change.before);
  const own = changes.filter((change) => sick(change).inherits === null);
  const groups = [...new Set(own.map(({ stage }) => stage))].map((name) => own.filter(({ stage }) => stage === name));
  return {
    own: groups.map((group) => {
      const worst = group.reduce((a, b) => (sick(b).delta > sick(a).delta ? b : a));
      return { place: place(group), stages: group.length, deltas: fromTo(worst), verdicts: verdicts(worst) };
    }),
    inherited: changes.length - own.length,
  };
}

/** The stages whose error is or was inherited. @example inheritingText(132, 'better') === '132 stages that inherited from a fault' */
export function inheritingText(inherited: number, direction: 'better' | 'worse'): string {
  const inherit = direction === 'better' ? 'inherited' : inherited === 1 ? 'inherits' : 'inherit';
  return `${count(inherited)} that ${inherit} from a fault`;
}

function place(group: readonly StageChange[]): string {
  const layers = distinct(group.flatMap(({ layer }) => (layer === null ? [] : [layer])));
  const steps = distinct(group.map(({ step }) => step));
  const at = steps.length === 1 && steps[0] === 0 ? '' : ` at ${several('step', steps)}`;
  return `${group[0]?.stage}${layers.length > 0 ? ` of ${several('layer', layers)}` : ''}${at}`;
}

const distinct = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);

const several = (what: string, numbers: readonly number[]): string =>
  `${what}${numbers.length > 1 ? 's' : ''} ${ranges(numbers)}`;

const WORDS = { agree: 'agrees', diverged: 'diverged', incomparable: 'incomparable' } as const;

function verdicts({ before, after }: StageChange): string {
  const name = ({ verdict, inherits }: Measured): string => (inherits ? 'inherits' : WORDS[verdict]);
  return name(before) === name(after) ? '' : `${name(before)} → ${name(after)}`;
}

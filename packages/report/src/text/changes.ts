import type { Changes, Measured, StageChange } from '@llama-probe/comparison';
import { count, fromTo } from '@llama-probe/comparison/ask';
import { tameAll } from '../tame.js';
import { ranges } from '../words.js';
import { color } from './color.js';

const SHOWN = 8; // kinds of stages in each direction

const MARKS = { better: color.green('▼'), worse: color.red('▲') } as const;

/** What changed since the run before: a sentence, then the stages, those that are wrong by themselves first. */
export function changesText(raw: Changes): string {
  const changes = tameAll(raw);
  return [changes.summary, ...linesOf(changes.worse, 'worse'), ...linesOf(changes.better, 'better')].join('\n');
}

function linesOf(changes: readonly StageChange[], direction: 'better' | 'worse'): string[] {
  const sick = (change: StageChange): Measured => (direction === 'worse' ? change.after : change.before);
  const own = changes.filter((change) => sick(change).inherits === null);
  const groups = [...new Set(own.map(({ stage }) => stage))].map((name) => own.filter(({ stage }) => stage === name));
  const lines = groups.slice(0, SHOWN).map((group) => {
    const worst = group.reduce((a, b) => (sick(b).delta > sick(a).delta ? b : a));
    const most = group.length > 1 ? ', at most' : '';
    return `${place(group)}${most} ${fromTo(worst)}${verdicts(worst)}`;
  });
  const rest = own.length - groups.slice(0, SHOWN).flat().length;
  if (rest > 0) lines.push(`${rest} more (--json has them all)`);
  const inherited = changes.length - own.length;
  const inherit = direction === 'better' ? 'inherited' : inherited === 1 ? 'inherits' : 'inherit';
  if (inherited > 0) lines.push(`${count(inherited)} that ${inherit} from a fault`);
  return lines.map((line) => `  ${MARKS[direction]} ${line}`);
}

/** @example place(group) === 'q_rope of layers 0 to 3 at steps 0 to 16' */
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
  return name(before) === name(after) ? '' : ` (${name(before)} → ${name(after)})`;
}

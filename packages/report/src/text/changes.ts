import type { Changes, StageChange } from '@llama-probe/comparison';
import { groupChanges, inheritingText } from '../changes/groups.js';
import { tameAll } from '../tame.js';
import { color } from './color.js';

const SHOWN = 8; // kinds of stages in each direction

const MARKS = { better: color.green('▼'), worse: color.red('▲') } as const;

/** What changed since the run before: a sentence, then the stages, those that are wrong by themselves first. */
export function changesText(raw: Changes): string {
  const changes = tameAll(raw);
  return [changes.summary, ...linesOf(changes.worse, 'worse'), ...linesOf(changes.better, 'better')].join('\n');
}

function linesOf(changes: readonly StageChange[], direction: 'better' | 'worse'): string[] {
  const { own, inherited } = groupChanges(changes, direction);
  const lines = own.slice(0, SHOWN).map(({ place, stages, deltas, verdicts }) => {
    return `${place}${stages > 1 ? ', at most' : ''} ${deltas}${verdicts === '' ? '' : ` (${verdicts})`}`;
  });
  const rest = own.slice(SHOWN).reduce((sum, { stages }) => sum + stages, 0);
  if (rest > 0) lines.push(`${rest} more (--json has them all)`);
  if (inherited > 0) lines.push(inheritingText(inherited, direction));
  return lines.map((line) => `  ${MARKS[direction]} ${line}`);
}

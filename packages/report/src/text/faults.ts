import type { Report } from '@llama-probe/comparison';
import { type FaultGroup, groupFaults, placeOf, stepsOf, worstOf } from '../fault-groups.js';
import { localDelta, localInputs, withoutCause } from '../words.js';

const SHOWN = 12;

/**
 * The evidence: the sentence about the first wrong stage, then every stage that is wrong by itself and where inside it; the same stage and
 * bug in several layers is one entry. The bugs stand above it, in the headline.
 */
export function faultsText(
  report: Pick<Report, 'verdict' | 'reason' | 'faults' | 'inputsOf' | 'first' | 'reference'>,
): string {
  const { faults, first, verdict } = report;
  if (verdict !== 'diverged' || !(first || faults?.length)) return '';
  const sentence = withoutCause(report);
  if (!faults || faults.length === 0) {
    return [sentence, ...(first?.where ? [`where: ${first.where.text}`] : [])].join('\n');
  }
  const groups = groupFaults(faults);
  const shown = groups.slice(0, SHOWN).map((group) => {
    const worst = worstOf(group);
    const [{ where }] = group;
    const delta = localDelta(worst, group.length > 1);
    return [`  ${placeOf(group)}${atSteps(group)}: ${delta}`, ...(where ? [`    where: ${where.text}`] : [])].join(
      '\n',
    );
  });
  const more = groups.length > SHOWN ? [`  … and ${groups.length - SHOWN} more (--json has them all)`] : [];
  // Of a run that is recorded, and so can be given to another command.
  const next =
    report.inputsOf === 'candidate' ? ['  probe repro makes a test of the first of them, with its own inputs'] : [];
  return [sentence, '', `wrong ${localInputs(report)}:`, ...shown, ...more, ...next].join('\n');
}

function atSteps(group: FaultGroup): string {
  const steps = stepsOf(group);
  if (steps === '0') return '';
  return /^\d+$/.test(steps) ? ` at step ${steps}` : ` at the steps ${steps}`;
}

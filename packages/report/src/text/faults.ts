import type { Report } from '@llama-probe/comparison';
import { type FaultGroup, groupFaults, placeOf, stepsOf, worstOf } from '../fault-groups.js';
import { causeOfFirst, localDelta, localInputs } from '../words.js';
import { color } from './color.js';

const SHOWN = 12;
const WORDS = { confirmed: color.bold('cause'), likely: 'cause', unknown: 'cause' };

/** Every stage that is wrong by itself, where inside it, and by which bug; the same stage and bug in several layers is one entry. */
export function faultsText(report: Pick<Report, 'faults' | 'inputsOf' | 'first' | 'diagnosis' | 'reference'>): string {
  const { faults, first } = report;
  if (!faults || faults.length === 0) {
    const diagnosis = causeOfFirst(report);
    return [
      ...(first?.where ? [`where: ${first.where.text}`] : []),
      ...(diagnosis ? [`${WORDS[diagnosis.confidence]}: ${diagnosis.text}`] : []),
    ].join('\n');
  }
  const groups = groupFaults(faults);
  const shown = groups.slice(0, SHOWN).map((group) => {
    const worst = worstOf(group);
    const [{ where, diagnosis: named }] = group;
    const delta = localDelta(worst, group.length > 1);
    return [
      `  ${placeOf(group)}${atSteps(group)}: ${delta}`,
      ...(where ? [`    where: ${where.text}`] : []),
      ...(named ? [`    ${WORDS[named.confidence]}: ${named.text}`] : []),
    ].join('\n');
  });
  const more = groups.length > SHOWN ? [`  … and ${groups.length - SHOWN} more (--json has them all)`] : [];
  // Of a run that is recorded, and so can be given to another command.
  const next =
    report.inputsOf === 'candidate' ? ['  probe repro makes a test of the first of them, with its own inputs'] : [];
  return [`wrong ${localInputs(report)}:`, ...shown, ...more, ...next].join('\n');
}

function atSteps(group: FaultGroup): string {
  const steps = stepsOf(group);
  if (steps === '0') return '';
  return /^\d+$/.test(steps) ? ` at step ${steps}` : ` at the steps ${steps}`;
}

import type { Report } from '@llama-probe/comparison';
import { short, showLimit } from '@llama-probe/diff';
import { type FaultGroup, groupFaults, placeOf, stepsOf, worstOf } from '../fault-groups.js';
import { color } from './color.js';

const SHOWN = 12;
const WORDS = { confirmed: color.bold('cause'), likely: 'cause', unknown: 'cause' };

/** Every stage that is wrong by itself, where inside it, and by which bug; the same stage and bug in several layers is one entry. */
export function faultsText({ faults, first, diagnosis }: Pick<Report, 'faults' | 'first' | 'diagnosis'>): string {
  if (!faults || faults.length === 0) {
    return [
      ...(first?.where ? [`where: ${first.where.text}`] : []),
      ...(diagnosis ? [`${WORDS[diagnosis.confidence]}: ${diagnosis.text}`] : []),
    ].join('\n');
  }
  const groups = groupFaults(faults);
  const shown = groups.slice(0, SHOWN).map((group) => {
    const worst = worstOf(group);
    const [{ where, diagnosis: named }] = group;
    const { reason } = worst;
    const delta =
      reason ?? `local delta ${group.length > 1 ? 'up to ' : ''}${short(worst.local)}, limit ${showLimit(worst.limit)}`;
    return [
      `  ${placeOf(group)}${atSteps(group)}: ${delta}`,
      ...(where ? [`    where: ${where.text}`] : []),
      ...(named ? [`    ${WORDS[named.confidence]}: ${named.text}`] : []),
    ].join('\n');
  });
  const more = groups.length > SHOWN ? [`  … and ${groups.length - SHOWN} more (--json has them all)`] : [];
  return ["wrong from llama.cpp's own inputs:", ...shown, ...more].join('\n');
}

function atSteps(group: FaultGroup): string {
  const steps = stepsOf(group);
  if (steps === '0') return '';
  return /^\d+$/.test(steps) ? ` at step ${steps}` : ` at the steps ${steps}`;
}

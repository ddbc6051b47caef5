import { type Fault, showLimit } from '@llama-probe/diff';
import type { NamedFault } from '../run/forced.js';
import { color } from './color.js';
import { ranges, short } from './numbers.js';
import type { Report } from './report.js';

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
  const kind = ({ stage, cause }: NamedFault) => `${stage} ${cause?.id ?? ''}`;
  const groups = [...new Set(faults.map(kind))].map((one) => faults.filter((fault) => kind(fault) === one));
  const shown = groups.slice(0, SHOWN).map((group) => {
    const worst = group.reduce((a, b) => (b.local > a.local ? b : a));
    const [{ stage, where, diagnosis: named }] = group as [NamedFault];
    const { reason } = worst;
    const delta =
      reason ?? `local delta ${group.length > 1 ? 'up to ' : ''}${short(worst.local)}, limit ${showLimit(worst.limit)}`;
    return [
      `  ${stage}${ofLayers(group)}${atSteps(group)}: ${delta}`,
      ...(where ? [`    where: ${where.text}`] : []),
      ...(named ? [`    ${WORDS[named.confidence]}: ${named.text}`] : []),
    ].join('\n');
  });
  const more = groups.length > SHOWN ? [`  … and ${groups.length - SHOWN} more (--json has them all)`] : [];
  return ["wrong from llama.cpp's own inputs:", ...shown, ...more].join('\n');
}

function ofLayers(faults: readonly Fault[]): string {
  const layers = faults.flatMap(({ layer }) => (layer === null ? [] : [layer]));
  if (layers.length === 0) return '';
  return layers.length === 1 ? ` of layer ${layers[0]}` : ` of the layers ${ranges(layers)}`;
}

function atSteps(faults: readonly Fault[]): string {
  const steps = [...new Set(faults.flatMap((fault) => fault.steps))].sort((a, b) => a - b);
  if (steps.length === 1) return steps[0] === 0 ? '' : ` at step ${steps[0]}`;
  return ` at the steps ${ranges(steps)}`;
}

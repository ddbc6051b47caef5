import { type Fault, showLimit } from '@llama-probe/diff';
import { ranges, short } from './numbers.js';
import type { Report } from './report.js';

const SHOWN = 12;

/** Every stage that is wrong by itself, and where inside it; the same stage of several layers is one entry. */
export function faultsText({ faults, first }: Pick<Report, 'faults' | 'first'>): string {
  if (!faults || faults.length === 0) return first?.where ? `where: ${first.where.text}` : '';
  const groups = [...new Set(faults.map(({ stage }) => stage))].map((name) =>
    faults.filter(({ stage }) => stage === name),
  );
  const shown = groups.slice(0, SHOWN).map((group) => {
    const worst = group.reduce((a, b) => (b.local > a.local ? b : a));
    const where = group[0]?.where?.text;
    const at = `  ${group[0]?.stage}${ofLayers(group)}${atSteps(group)}`;
    return `${at}: local delta ${group.length > 1 ? 'up to ' : ''}${short(worst.local)}, limit ${showLimit(worst.limit)}${where ? `\n    ${where}` : ''}`;
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

import type { Report } from '@llama-probe/comparison';
import { culpritsOf, nameOf, sureness } from '../culprits.js';
import { color } from './color.js';

const SHOWN = 6;

/** Of each thing that is wrong where to look and how sure it is; its name too where there are several. */
export function culpritsText(report: Pick<Report, 'verdict' | 'faults' | 'first' | 'diagnosis' | 'between'>): string {
  if (report.verdict !== 'diverged') return '';
  const culprits = culpritsOf(report);
  const more = culprits.length > SHOWN ? [`  … and ${culprits.length - SHOWN} more (--json has them all)`] : [];
  const indent = culprits.length > 1 ? '     ' : '  ';
  const lines = culprits
    .slice(0, SHOWN)
    .flatMap((one, i) => [
      ...(culprits.length > 1 ? [color.bold(`  ${i + 1}. ${nameOf(one)}`)] : []),
      `${indent}${color.bold('where to look')}: ${one.look}`,
      `${indent}${color.bold('how sure')}: ${sureness(one)}`,
    ]);
  return [...lines, ...more].join('\n');
}

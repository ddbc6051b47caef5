import { short } from '@llama-probe/diff';
import { color, MARKS, tameAll } from '@llama-probe/report';
import { nameOf } from './find.js';
import type { Repro } from './repro.js';

/** What was found, and what is in the folder. */
export function reproText(raw: Repro): string {
  const { verdict, reason, case: written } = tameAll(raw);
  const mark = verdict === 'agree' ? color.green(MARKS.agree) : color.red(MARKS.diverged);
  if (!written)
    return `${mark} ${reason}\nNothing is written: there is no fault to make a test of. --stage makes one of any stage.`;
  const { folder, files, stage, layer, shape, of, distances } = written;
  const cut = `${shape.join(' × ')} of ${of.join(' × ')} values`;
  const shown = distances
    ? `wrong rows are ${short(distances.wrong)} from float64, right ones ${short(distances.right)}, the limit is ${short(distances.limit)}`
    : 'no operation that can be checked here';
  return [
    `${mark} ${reason}`,
    `${folder}: ${nameOf({ stage, layer })}, ${cut}; ${shown}`,
    `  ${files.join('  ')}`,
  ].join('\n');
}

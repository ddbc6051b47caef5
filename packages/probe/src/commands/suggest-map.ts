import { openingOf, type ReadOptions } from '@llama-probe/comparison/ask';
import { openRun, suggestMap } from '@llama-probe/import';
import { STEERING, tameAll } from '@llama-probe/report/tame';
import type { Context } from '../cli/context.js';
import { EXIT } from '../exit.js';

/** `probe diff MINE REFERENCE --suggest-map`: the file to standard output, and why to standard error. Exit code 1 where nothing was found. */
export async function runSuggestMap(
  candidate: string,
  believed: string,
  options: ReadOptions,
  context: Context,
): Promise<void> {
  const reference = await openRun(believed);
  try {
    context.progress.say(`looking for the stages of ${believed} in ${candidate}`);
    const { mapping, found, notes } = await suggestMap(candidate, reference, openingOf(options));
    context.progress.done();
    for (const note of tameAll(notes)) process.stderr.write(`${note}\n`);
    context.print(JSON.stringify(mapping, null, 2).replace(STEERING, escaped));
    if (found === 0) context.code = EXIT.diverged;
  } finally {
    await reference.close();
  }
}

/** Line breaks are layout here; what else steers a terminal is in a name. */
const escaped = (character: string): string =>
  character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

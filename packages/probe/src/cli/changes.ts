import { encode } from '@llama-probe/comparison/ask';
import { OUTPUTS } from '@llama-probe/report/outputs';
import { checkOutputs } from '@llama-probe/report/write-outputs';
import { Argument, Command, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function changesCommand(context: Context): Command {
  return new Command('changes')
    .description('show what changed from one report to another: is it fixed, and did anything else break?')
    .addArgument(new Argument('<before>', 'what probe compare --json or probe diff --json printed before the change'))
    .addArgument(new Argument('<after>', 'and after it'))
    .addOption(new Option(OUTPUTS.html.flag, 'write both reports as one page, with what changed between them'))
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe changes before.json after.json': 'of reports that --json kept: what got better, and what got worse',
        'probe changes before.json after.json --html fix.html': 'as a page to send',
      }),
    )
    .action(async (before: string, after: string, options: { html?: string; json?: boolean }) => {
      checkOutputs(options, [before, after]);
      const { changesDocument, changesPageOf, readChanges, changesReport } = await import('../commands/changes.js');
      const read = readChanges(before, after);
      if (options.json) context.print(encode(changesDocument(read)));
      else if (options.html !== '-') context.print(changesReport(read));
      if (options.html !== undefined) changesPageOf(read, options.html, context.print);
      context.code = EXIT[read.after.verdict];
    });
}

import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Argument, Command, Option } from 'commander';
import type { CheckOptions } from '../commands/check.js';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function checkCommand(context: Context): Command {
  return new Command('check')
    .description('check what must hold of a dump by itself: sums, rotations, residuals, the mask, NaN')
    .addArgument(new Argument('<dump>', 'a dump'))
    .addOption(new Option('-m, --model <file>', 'the GGUF file, for what needs the weights'))
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe check mine.arrow': 'needs no reference',
        'probe check mine.arrow --model model.gguf': 'and what needs the weights',
      }),
    )
    .action(async (dump: string, options: CheckOptions & { json?: boolean }) => {
      const { checkText, runCheck } = await import('../commands/check.js');
      const report = await runCheck(dump, options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('check', report)) : checkText(report));
      if (report.broken.length > 0) context.code = EXIT.diverged;
      else if (report.known === 0) context.code = COULD_NOT_TELL;
    });
}

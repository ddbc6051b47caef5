import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Argument, Command, Option } from 'commander';
import type { InspectOptions } from '../commands/inspect.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function inspectCommand(context: Context): Command {
  return new Command('inspect')
    .description('show what a dump holds')
    .addArgument(new Argument('<dump>', 'a dump'))
    .addOption(new Option('--stage <name>', 'only this stage'))
    .addOption(new Option('--layer <number>', 'only this layer'))
    .addOption(new Option('--step <number>', 'only this step; 0 is the prompt'))
    .addOption(new Option('--values <count>', 'show the first values of each row'))
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe inspect mine.arrow': 'stages, statistics, and who wrote it',
        'probe inspect mine.arrow --stage q_rope --layer 0 --values 8': 'the first values of each row',
      }),
    )
    .action(async (dump: string, options: InspectOptions & { json?: boolean }) => {
      const { inspectText, runInspect } = await import('../commands/inspect.js');
      const inspected = await runInspect(dump, options, context.signal);
      context.print(options.json ? encode(documentOf('inspection', inspected)) : inspectText(inspected));
    });
}

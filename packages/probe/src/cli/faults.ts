import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import type { FaultsOptions } from '../commands/faults.js';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function faultsCommand(context: Context): Command {
  return new Command('faults')
    .description('list the known bugs; with --run, put each into a healthy run, to be found and named')
    .addOption(new Option('--run', 'put each into the engine, in several layers, free and teacher-forced'))
    .addOption(new Option('--only <ids>', 'only these, such as rope-halves,rms-eps'))
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.quantize())
    .addOption(OPTIONS.adapter())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe faults': 'the list',
        'probe faults --run --only rope-halves,gqa-tiled': 'are these two found and named?',
      }),
    )
    .action(async (options: FaultsOptions) => {
      const { faultsListText, isProven, runFaults, wasSeen } = await import('../commands/faults.js');
      const report = await runFaults(options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('faults', report)) : faultsListText(report));
      if (report.trials === null || isProven(report)) return;
      context.code = wasSeen(report) ? EXIT.diverged : COULD_NOT_TELL;
    });
}

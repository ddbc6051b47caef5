import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import type { BugsOptions } from '../commands/bugs.js';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function bugsCommand(context: Context): Command {
  return new Command('bugs')
    .alias('faults') // as it was called
    .description('list the known bugs; with --run, put each into a healthy run, to be found and named')
    .addOption(
      new Option(
        '--run',
        'put each into the engine, in several layers, free and with blame; of other architectures into the run of llama.cpp, with blame',
      ),
    )
    .addOption(new Option('--only <ids>', 'only these, such as rope-halves,rms-eps'))
    .addOption(OPTIONS.model())
    .addOption(OPTIONS.quantize())
    .addOption(OPTIONS.imatrix())
    .addOption(OPTIONS.adapter())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe bugs': 'the list',
        'probe bugs --run --only rope-halves,gqa-tiled': 'are these two found and named?',
        'probe bugs --run --model gemma.gguf': 'is each found in a model of another architecture?',
      }),
    )
    .action(async (options: BugsOptions) => {
      const { bugsListText, isProven, runBugs, wasSeen } = await import('../commands/bugs.js');
      const report = await runBugs(options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('bugs', report)) : bugsListText(report));
      if (report.trials === null || isProven(report)) return;
      context.code = wasSeen(report) ? EXIT.diverged : COULD_NOT_TELL;
    });
}

import { Argument, Command } from 'commander';
import { checkOutputs, type OutputOptions } from '../report/outputs.js';
import type { Context } from './context.js';
import { presentGate } from './gate.js';
import { examples } from './help.js';
import { REPORTS } from './options.js';

export function mergeCommand(context: Context): Command {
  const command = new Command('merge')
    .description('put the results of a sharded gate together, into one verdict and one report')
    .addArgument(new Argument('<results...>', 'what each probe gate --shard i/n --result FILE wrote'))
    .addHelpText(
      'after',
      examples({
        'probe merge shard-*.json --markdown comment.md': 'the exit code is that of all shards',
      }),
    );
  for (const option of REPORTS) command.addOption(option());
  return command.action(async (results: string[], options: OutputOptions) => {
    checkOutputs(options, results);
    const { runMerge } = await import('../commands/merge.js');
    const result = runMerge(results);
    await presentGate(result, result.cases, options, context);
  });
}

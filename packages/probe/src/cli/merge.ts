import { Argument, Command, Option } from 'commander';
import { checkOutputs, type OutputOptions } from '../report/outputs.js';
import type { Context } from './context.js';
import { presentGate } from './gate.js';
import { examples } from './help.js';
import { REPORTS } from './options.js';

export function mergeCommand(context: Context): Command {
  const command = new Command('merge')
    .description('put the results of a sharded gate together, into one verdict and one report')
    .addArgument(new Argument('<results...>', 'what each probe gate --shard i/n --result FILE wrote'))
    .addOption(new Option('--result <file>', 'keep the merged result'))
    .addHelpText(
      'after',
      examples({
        'probe merge shard-*.json --markdown comment.md': 'the exit code is that of all shards',
      }),
    );
  for (const option of REPORTS) command.addOption(option());
  return command.action(async (results: string[], options: OutputOptions & { result?: string }) => {
    const { result: kept } = options;
    const { checkResultFile, writeResultFile } = await import('../gate/result-file.js');
    if (kept !== undefined) checkResultFile(kept, results);
    checkOutputs(options, kept === undefined ? results : [...results, kept]);
    const { runMerge } = await import('../commands/merge.js');
    const result = runMerge(results);
    if (kept !== undefined) writeResultFile(kept, result);
    await presentGate(result, result.cases, options, context);
  });
}

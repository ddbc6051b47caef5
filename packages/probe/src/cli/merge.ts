import type { OutputOptions } from '@llama-probe/report/outputs';
import { withReporter } from '@llama-probe/report/reporter';
import { checkOutputs } from '@llama-probe/report/write-outputs';
import { Argument, Command, Option } from 'commander';
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
  return command.action(async (results: string[], given: OutputOptions & { result?: string }) => {
    const options = await withReporter(given);
    const { result: kept } = options;
    const { checkResultFile, writeResultFile } = await import('@llama-probe/gate');
    if (kept !== undefined) checkResultFile(kept, results);
    checkOutputs(options, kept === undefined ? results : [...results, kept]);
    const { runMerge } = await import('@llama-probe/gate');
    const result = runMerge(results);
    if (kept !== undefined) writeResultFile(kept, result);
    await presentGate(result, result.cases, options, context);
  });
}

import { ADAPTERS, encode, type Finding } from '@llama-probe/comparison/ask';
import type { GateOptions, GateResult } from '@llama-probe/gate';
import { parseShard, type Shard } from '@llama-probe/gate/shard';
import { type OutputOptions, takesStdout } from '@llama-probe/report/outputs';
import { withReporter } from '@llama-probe/report/reporter';
import { writeOutputs } from '@llama-probe/report/write-outputs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { REPORTS } from './options.js';

export function gateCommand(context: Context): Command {
  const command = new Command('gate')
    .description('hold the engine to what it was: every case of a configuration, against llama.cpp and a baseline')
    .addOption(new Option('-c, --config <file>', 'the configuration (default: probe.config.ts or .json here)'))
    .addOption(new Option('--only <pattern>', 'only the cases whose names match, such as "*-Q4_K-*"'))
    .addOption(new Option('--update', 'write the baselines of the cases that pass'))
    .addOption(new Option('--shard <i/n>', 'only a part of the cases, such as 2/3').argParser(parse))
    .addOption(new Option('--result <file>', 'keep the result for probe merge'))
    .addOption(new Option('--resume', 'keep the cases that --result has of a run that was cut off, and run the rest'))
    .addOption(
      new Option(
        '--dataset <directory>',
        'keep every stage of every case in a folder of Arrow files, for DuckDB or polars',
      ),
    )
    .addOption(
      new Option('--adapter <kind>', "WebGPU adapter, instead of the configuration's").choices(['auto', ...ADAPTERS]),
    )
    .addHelpText(
      'after',
      examples({
        'probe gate --update': 'write the baselines; look at them and commit them',
        'probe gate --markdown comment.md --junit report.xml': 'in CI: exit 1 where something diverged or worsened',
        'probe gate --shard 1/3 --result shard-1.json': 'a third of the cases, for probe merge',
        'probe gate --shard 2/8 --result 2.json --resume --dataset rows':
          'a job of a sweep: it goes on where it was cut off, and keeps rows for SQL',
        'probe gate --only "*-Q4_K-*" --adapter swiftshader': 'some cases, on another adapter',
      }),
    );
  for (const option of REPORTS) command.addOption(option());
  return command.action(async (given: GateOptions) => {
    const options = await withReporter(given);
    const { runGate } = await import('@llama-probe/gate');
    const record = options.html !== undefined;
    const { result, findings } = await runGate({ ...options, record }, context.progress, context.signal);
    await presentGate(result, findings, options, context);
  });
}

/** Writes what was asked for, and text where none of it takes standard output. */
export async function presentGate(
  result: GateResult,
  findings: readonly Finding[],
  options: OutputOptions,
  context: Context,
): Promise<void> {
  if (options.json) context.print(encode(result));
  else if (!takesStdout(options)) {
    const { gateText } = await import('@llama-probe/gate');
    context.print(gateText(result));
  }
  await writeOutputs(withNotes(findings, result), options, context.print);
  context.code = EXIT[result.verdict];
}

/** What is about no case in particular is said with the first one. */
function withNotes(findings: readonly Finding[], { notes }: GateResult): readonly Finding[] {
  const [first, ...rest] = findings;
  return first && notes.length > 0 ? [{ ...first, notes: [...first.notes, ...notes] }, ...rest] : findings;
}

function parse(text: string): Shard {
  const shard = parseShard(text);
  if (!shard) throw new InvalidArgumentError('Wanted i/n with i from 1 to n, such as 2/3.');
  return shard;
}

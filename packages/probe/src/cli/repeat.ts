import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Argument, Command } from 'commander';
import type { RepeatOptions } from '../commands/repeat.js';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function repeatCommand(context: Context): Command {
  const command = new Command('repeat')
    .description(
      'run the same several times, and say which stage is not the same to the bit: a data race, uninitialised memory',
    )
    .addArgument(
      new Argument(
        '[runs...]',
        'runs that are over, two or more, in place of those that are made: dumps in any format that is read, or of --digest',
      ),
    )
    .addOption(OPTIONS.times())
    .addOption(OPTIONS.from())
    .addOption(
      OPTIONS.engine(
        'run a program of yours: it is executed, told {model}, {tokens}, {steps}, and writes a dump to {out}',
      ),
    );
  const { model, prompt, promptFile, tokens, chat, steps, quantize, imatrix, map, stages, layers } = OPTIONS;
  const { reference, exactBy, adapter, ubatch, engineTimeout, json, keepDigests } = OPTIONS;
  for (const option of [model, prompt, promptFile, tokens, chat, steps, quantize, imatrix, map, stages, layers])
    command.addOption(option());
  for (const option of [reference, exactBy, adapter, ubatch, engineTimeout, keepDigests, json])
    command.addOption(option());
  return command
    .addHelpText(
      'after',
      examples({
        'probe repeat --engine "./mine {model} {tokens} {out}" -m model.gguf --times 50': 'your engine, fifty times',
        'probe repeat first.npz second.npz third.npz': 'runs that it has written',
        'probe repeat --engine "./mine {tokens} {out}" --times 1000 -o here': 'their hashes in a directory,',
        'probe repeat here/*.arrow there/*.arrow': 'to be held to those of another machine',
        'probe repeat --adapter gpu': "llama-probe's own engine, on this GPU",
      }),
    )
    .action(async (runs: string[], options: RepeatOptions & { json?: boolean }) => {
      const { repeatText, runRepeat } = await import('../commands/repeat.js');
      const report = await runRepeat(runs, options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('repeat', report)) : repeatText(report));
      context.code = EXIT[report.verdict];
    });
}

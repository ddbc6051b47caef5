import type { BlameOptions } from '@llama-probe/comparison/ask';
import { Argument, Command, Option } from 'commander';
import { runComparison } from './comparison.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { JUDGING, OPTIONS, SHOWN } from './options.js';
import type { ViewOptions } from './present.js';

export function blameCommand(context: Context): Command {
  const command = new Command('blame')
    .description(
      'say which stages of a run are wrong by themselves: llama.cpp computes each from the rows that the run had there',
    )
    .addArgument(new Argument('<run>', 'a run of your engine, in any format that is read (docs/formats.md)'))
    .addOption(
      new Option('-m, --model <file>', 'the GGUF file that was run').makeOptionMandatory().helpGroup('What is run:'),
    )
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addHelpText(
      'after',
      examples({
        'probe blame mine.safetensors --model model.gguf': 'no dump of llama.cpp is needed',
        'probe blame mine.npz --model model.gguf --tokens 1,15043': 'of a file that does not say what was run',
        'probe blame mine.arrow --model model.gguf --json': 'for a script, or an agent',
      }),
    );
  for (const option of [
    OPTIONS.judgedStages,
    OPTIONS.judgedLayers,
    OPTIONS.reference,
    OPTIONS.exactBy,
    OPTIONS.precision,
    ...JUDGING,
    ...SHOWN,
  ])
    command.addOption(option());
  return command.action((run: string, options: BlameOptions & ViewOptions) =>
    runComparison({ command: 'blame', run, options }, options, context),
  );
}

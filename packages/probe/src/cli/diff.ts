import type { DiffOptions } from '@llama-probe/comparison/ask';
import { Argument, Command, Option } from 'commander';
import { runComparison } from './comparison.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { JUDGING, OPTIONS, SHOWN } from './options.js';
import type { ViewOptions } from './present.js';

type Options = DiffOptions & ViewOptions & { readonly suggestMap?: boolean };

export function diffCommand(context: Context): Command {
  const command = new Command('diff')
    .description('compare two dumps, in any format that is read')
    .addArgument(new Argument('<candidate>', 'the dump in doubt'))
    .addArgument(new Argument('<reference>', 'the dump to believe'))
    .addOption(
      new Option('-m, --model <file>', 'the GGUF file: with its weights the bug can be named').helpGroup(
        'What is compared:',
      ),
    )
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.suggestMap())
    .addHelpText(
      'after',
      examples({
        'probe diff mine.arrow reference.arrow': "your engine's dump against llama.cpp's",
        'probe diff mine.arrow reference.arrow --model model.gguf': 'and the bug by name, where it is a known one',
        'probe diff mine.safetensors reference.arrow': 'or .npz, .pt, a folder and more (docs/formats.md)',
        "probe diff mine.arrow reference.arrow --stages 'ffn_*' --layers 0-3": 'judge a part of it',
        'probe diff mine.npz reference.arrow --suggest-map > map.json':
          'which stages arrays with names of your own are',
        'probe diff mine.arrow reference.arrow --watch': 'again whenever a dump changes',
      }),
    );
  for (const option of [
    OPTIONS.judgedStages,
    OPTIONS.judgedLayers,
    OPTIONS.strict,
    OPTIONS.precision,
    OPTIONS.blameRecorded,
    OPTIONS.noBlame,
    ...JUDGING,
    ...SHOWN,
  ])
    command.addOption(option());
  return command.action(async (candidate: string, reference: string, { suggestMap, ...options }: Options) => {
    if (!suggestMap) return runComparison({ command: 'diff', candidate, reference, options }, options, context);
    const { runSuggestMap } = await import('../commands/suggest-map.js');
    await runSuggestMap(candidate, reference, options, context);
  });
}

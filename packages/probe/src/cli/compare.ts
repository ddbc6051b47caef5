import type { CompareOptions } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import { runComparison } from './comparison.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { HEADINGS, OPTIONS, RUN, SHOWN } from './options.js';
import type { ViewOptions } from './present.js';

export function compareCommand(context: Context): Command {
  const command = new Command('compare')
    .description('run llama.cpp and the engine on the same tokens, and say where they first differ')
    .addHelpText(
      'after',
      examples({
        'probe compare --prompt Hello': 'the bundled model, in the terminal view',
        'probe compare --model model.gguf --prompt Hello --steps 0 --no-tui': 'your model, the prompt only, as text',
        'probe compare --prompt "What is 2 plus 3?" --inject rope-halves': 'what a known bug looks like',
        'probe compare --prompt Hello --html report.html --junit report.xml': 'a page to send, and a result for CI',
        "probe compare --engine 'python3 mine.py {model} {tokens} {out}'": 'your engine, which writes a dump to {out}',
        'probe compare --llama-lib build/bin --device Vulkan0': 'a build of llama.cpp of yours, on a GPU',
        'LLAMA_PROBE_SHADERS=my-shaders probe compare --watch': 'again whenever a shader changes',
      }),
    );
  for (const option of RUN) command.addOption(option());
  command
    .addOption(
      new Option('-o, --out <directory>', 'keep both dumps: reference.arrow and candidate.arrow').helpGroup(
        HEADINGS.output,
      ),
    )
    .addOption(OPTIONS.inject())
    .addOption(OPTIONS.engine())
    .addOption(OPTIONS.engineTimeout())
    .addOption(OPTIONS.candidate())
    .addOption(OPTIONS.llamaLib())
    .addOption(OPTIONS.device())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.precision())
    .addOption(OPTIONS.strict())
    .addOption(OPTIONS.blame())
    .addOption(OPTIONS.noBlame())
    .addOption(OPTIONS.teacherForced())
    .addOption(OPTIONS.noTeacherForced());
  for (const option of SHOWN) command.addOption(option());
  return command.action(({ teacherForced, ...given }: CompareOptions & ViewOptions & { teacherForced?: boolean }) => {
    const blame = given.blame ?? teacherForced;
    const options = { ...given, ...(blame === undefined ? {} : { blame }) };
    return runComparison({ command: 'compare', options }, options, context);
  });
}

import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Argument, Command } from 'commander';
import type { ImportOptions } from '../commands/import.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function importCommand(context: Context): Command {
  return new Command('import')
    .description("make a dump of another program's file or folder, and say what was done")
    .addArgument(new Argument('<run>', 'a file or folder in any format that is read (docs/formats.md)'))
    .addArgument(new Argument('<dump>', 'the dump to write; .safetensors or .npz: its arrays'))
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.digest())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe import mine.npz mine.arrow --tokens 1,15043': 'what NumPy saved, and what was run',
        'probe import mine.pt mine.arrow --map map.json':
          'under names of your own (docs/formats.md has a mapping file)',
        'probe import mine.npz monday.arrow --digest': 'hashes of its rows only, for probe repeat',
      }),
    )
    .action(async (run: string, dump: string, options: ImportOptions & { json?: boolean }) => {
      const { importText, runImport } = await import('../commands/import.js');
      const imported = await runImport(run, dump, options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('import', imported)) : importText(imported));
    });
}

import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Command } from 'commander';
import type { TokenizeOptions } from '../commands/tokenize.js';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function tokenizeCommand(context: Context): Command {
  const command = new Command('tokenize').description(
    "what llama.cpp makes of a text: ids, pieces, where they stand; and in what another tokenizer's ids differ",
  );
  const { model, prompt, promptFile, chat, ids, against, noSpecial, noBos, json } = OPTIONS;
  for (const option of [model, prompt, promptFile, chat, ids, against, noSpecial, noBos, json])
    command.addOption(option());
  return command
    .addHelpText(
      'after',
      examples({
        'probe tokenize -m model.gguf -p "Hello world"': 'ids and pieces; BOS or none, and which entry says so',
        'probe tokenize -m model.gguf -p "Hello world" --against mine.json':
          "your tokenizer's ids: the first that differs, and why",
        'probe tokenize -m model.gguf -p "Hello world" --chat': 'through the chat template, and what that writes',
        'probe tokenize -m model.gguf --ids 1,15043': 'the text of ids',
      }),
    )
    .action(async (options: TokenizeOptions & { json?: boolean }) => {
      const { runTokenize, tokenizeText } = await import('../commands/tokenize.js');
      const report = await runTokenize(options, context.signal);
      context.print(options.json ? encode(documentOf('tokenize', report)) : tokenizeText(report));
      context.code = EXIT[report.verdict];
    });
}

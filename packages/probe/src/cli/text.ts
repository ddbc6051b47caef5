import { documentOf, encode, FINDS, type TextOptions } from '@llama-probe/comparison/ask';
import { Command, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { HEADINGS, OPTIONS, parseCount, parseFactor, parsePositive } from './options.js';

const what = (flags: string, description: string) => new Option(flags, description).helpGroup(HEADINGS.what);
const limits = (flags: string, description: string) => new Option(flags, description).helpGroup(HEADINGS.limits);

export function textCommand(context: Context): Command {
  const command = new Command('text')
    .description(
      'compare the logits at every position of a text, or of many prompts, and the stages where they are the furthest apart',
    )
    .addOption(OPTIONS.model())
    .addOption(what('--text <file>', "a text, in windows as llama.cpp's perplexity tool cuts it"))
    .addOption(
      what(
        '--prompts <file>',
        'prompts, one a line: JSONL with prompt, text or tokens, or plain text; or a folder with dumps of your engine, one a prompt, which are the candidate',
      ),
    )
    .addOption(
      what('--base <file>', 'the log-probabilities of llama-perplexity --kl-divergence-base, as the reference'),
    )
    .addOption(what('--window <tokens>', 'how long a window is (default: 512)').argParser(parsePositive))
    .addOption(
      what(
        '--stride <tokens>',
        'a window begins every so many tokens, and its last so many are scored (default: the window, of which the second half is)',
      ).argParser(parsePositive),
    )
    .addOption(what('--windows <count>', 'the first windows or prompts only').argParser(parsePositive));
  const { quantize, imatrix, engine, candidate, llamaLib, device, inject, map } = OPTIONS;
  for (const option of [quantize, imatrix, engine, candidate, llamaLib, device, inject, map])
    command.addOption(option());
  const { reference, exactBy, adapter, stream, ubatch, engineTimeout, noFloors, precision, json } = OPTIONS;
  for (const option of [reference, exactBy, adapter, stream, ubatch, engineTimeout]) command.addOption(option());
  return command
    .addOption(
      new Option('--worst <count>', 'compare the stages at so many positions, each of another window (default: 3)')
        .helpGroup(HEADINGS.how)
        .argParser(parseCount),
    )
    .addOption(
      new Option('--find <what>', 'onset: the fewest tokens that diverge, by bisection; the stages are compared there')
        .helpGroup(HEADINGS.how)
        .choices([...FINDS]),
    )
    .addOption(noFloors())
    .addOption(
      limits(
        '--margin <factor>',
        'how many times its floor a KL divergence may be (default: 100, or 9 for native)',
      ).argParser(parseFactor),
    )
    .addOption(
      limits('--minimum <nats>', 'what a KL divergence may always be (default: 5e-9, or 5e-5 for native)').argParser(
        parseFactor,
      ),
    )
    .addOption(precision())
    .addOption(
      new Option(
        '--save-base <file>',
        "write llama.cpp's log-probabilities, for --base and for llama-perplexity",
      ).helpGroup(HEADINGS.output),
    )
    .addOption(
      new Option(
        '--state <file>',
        'keep the windows that are done, and go on from there when it is run again',
      ).helpGroup(HEADINGS.output),
    )
    .addOption(json())
    .addHelpText(
      'after',
      examples({
        'probe text --model model.gguf --text wiki.txt':
          'perplexity, KL divergence, and what is wrong at the worst positions',
        'probe text -m model.gguf --prompts many.jsonl --find onset':
          'which prompts, from which token on, and which stage',
        "probe text -m m.gguf --text wiki.txt --engine './mine {model} {tokens} {out}'": 'your engine',
        'probe text -m model.gguf --prompts dumps/': 'runs of your engine that are over, a dump each',
        'probe text -m model.gguf --base wiki.kld': 'against log-probabilities of llama-perplexity',
      }),
    )
    .action(async ({ json, ...options }: TextOptions & { json?: boolean }) => {
      const { runText, textOfText } = await import('../commands/text.js');
      const report = await runText(options, context.progress, context.signal);
      context.print(json ? encode(documentOf('text', report)) : textOfText(report));
      context.code = EXIT[report.verdict];
    });
}

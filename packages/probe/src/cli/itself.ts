import { documentOf, encode } from '@llama-probe/comparison/ask';
import { Argument, Command } from 'commander';
import type { ItselfOptions } from '../commands/itself.js';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

export function itselfCommand(context: Context): Command {
  const command = new Command('itself')
    .description(
      'hold an engine to itself: the same tokens as one prefill, in steps and in chunks; what differs is the cache, positions or the mask',
    )
    .addArgument(
      new Argument(
        '[runs...]',
        'runs of the same tokens that are over, a prefill first, in place of those that are made',
      ),
    )
    .addOption(OPTIONS.chunks())
    .addOption(OPTIONS.from())
    .addOption(
      OPTIONS.engine(
        'run a program of yours: it is executed, told {model}, {tokens}, {steps}, {chunk}, and writes a dump to {out}',
      ),
    );
  const { model, prompt, promptFile, tokens, chat, steps, quantize, imatrix, map, inject, llamaLib, device } = OPTIONS;
  const { stages, layers, reference, exactBy, adapter, engineTimeout, precision, margin, minimum, json } = OPTIONS;
  for (const option of [
    model,
    prompt,
    promptFile,
    tokens,
    chat,
    steps,
    quantize,
    imatrix,
    map,
    inject,
    llamaLib,
    device,
  ])
    command.addOption(option());
  for (const option of [stages, layers, reference, exactBy, adapter, engineTimeout, precision, margin, minimum, json])
    command.addOption(option());
  return command
    .addHelpText(
      'after',
      examples({
        'probe itself --engine "./mine {tokens} {steps} {chunk} {out}" -m model.gguf':
          'your engine: is decode the same as prefill, and a prompt in chunks?',
        'probe itself prefill.npz steps.npz': 'two runs of the same tokens that it has written',
        'probe itself --adapter gpu': "llama-probe's own engine, on this GPU",
        'probe itself --llama-lib build/bin --device Vulkan0 -m model.gguf': 'a build of llama.cpp, on a device',
      }),
    )
    .action(async (runs: string[], options: ItselfOptions & { json?: boolean }) => {
      const { itselfText, runItself } = await import('../commands/itself.js');
      const report = await runItself(runs, options, context.progress, context.signal);
      context.print(options.json ? encode(documentOf('itself', report)) : itselfText(report));
      context.code = EXIT[report.verdict];
    });
}

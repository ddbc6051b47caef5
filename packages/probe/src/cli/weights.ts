import { type AdapterChoice, documentOf, encode, UsageError } from '@llama-probe/comparison/ask';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { OPTIONS } from './options.js';

interface WeightsOptions {
  model?: string;
  adapter?: AdapterChoice;
  against?: string;
  tensor?: string;
  values?: number;
  json?: boolean;
}

const CODES = { equal: EXIT.agree, differ: EXIT.diverged, nothing: EXIT.incomparable } as const;

export function weightsCommand(context: Context): Command {
  return new Command('weights')
    .description('is it the weights? each tensor by the engine and by ggml, bit for bit, and what is in it')
    .addOption(OPTIONS.model())
    .addOption(
      new Option(
        '--against <file>',
        'hold them to another GGUF file (or a folder of its parts), to safetensors (a file or a folder of shards), or to a folder of dequantised weights of yours (.npy, .f32)',
      ),
    )
    .addOption(new Option('--tensor <names>', 'only these tensors, such as output.weight or blk.*.attn_q.weight'))
    .addOption(new Option('--values <count>', 'show the first values of each tensor').argParser(parseCount))
    .addOption(OPTIONS.adapter())
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe weights --model model.gguf': 'is the dequantisation right? what is in the file?',
        'probe weights --model model.gguf --tensor output.weight --values 100': 'the first values of a tensor',
        'probe weights --model model.gguf --against model.safetensors': 'was the file converted rightly?',
        'probe weights --model model.gguf --against mine/': 'is your dequantisation right? if not, which bug is it?',
      }),
    )
    .action(async ({ json, model, against, ...options }: WeightsOptions) => {
      const { comparisonText, runAgainst, runWeights, weightsText } = await import('../commands/weights.js');
      if (against !== undefined) {
        if (options.values !== undefined) throw new UsageError('--values: is for a file alone. Leave out --against.');
        const compared = await runAgainst({ ...options, model, against }, context.progress, context.signal);
        context.print(json ? encode(documentOf('weights-comparison', compared)) : comparisonText(compared));
        context.code = CODES[compared.verdict];
        return;
      }
      const report = await runWeights({ ...options, model }, context.progress, context.signal);
      context.print(json ? encode(documentOf('weights', report)) : weightsText(report));
      context.code = CODES[report.verdict];
    });
}

function parseCount(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, such as 100.');
  return Number(text);
}

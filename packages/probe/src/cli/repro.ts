import {
  documentOf,
  encode,
  type LimitOptions,
  type ModeChoice,
  type PrecisionChoice,
  UsageError,
} from '@llama-probe/comparison/ask';
import { LANGUAGES, type Language } from '@llama-probe/repro/languages';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { JUDGING, OPTIONS } from './options.js';

interface Options extends LimitOptions {
  model: string;
  reference: ModeChoice;
  precision?: PrecisionChoice;
  tokens?: string;
  map?: string;
  stage?: string;
  layer?: number;
  step?: number;
  lang: readonly Language[];
  out?: string;
  whole?: boolean;
  json?: boolean;
}

export function reproCommand(context: Context): Command {
  const command = new Command('repro')
    .description('make a test of the first faulty stage of a run, which needs nothing but its own files')
    .addArgument(new Argument('<run>', 'a run of your engine, in any format that is read (docs/formats.md)'))
    .addOption(
      new Option('-m, --model <file>', 'the GGUF file that was run').makeOptionMandatory().helpGroup('What is run:'),
    )
    .addOption(OPTIONS.runTokens())
    .addOption(OPTIONS.map())
    .addOption(OPTIONS.reference())
    .addOption(OPTIONS.precision())
    .addOption(part('--stage <name>', 'of this stage instead, whether it is wrong or not, such as q_rope'))
    .addOption(part('--layer <number>', 'of this layer').argParser(parseNumber))
    .addOption(part('--step <number>', 'of this step: 0 is the prompt').argParser(parseNumber))
    .addOption(
      test('--lang <languages>', `what the check is written in: ${LANGUAGES.join(', ')}, or several`)
        .default(['python'], 'python')
        .argParser(parseLanguages),
    )
    .addOption(test('--out <directory>', 'where the test is written (default: one of its own, such as repro-q_rope-0)'))
    .addOption(test('--whole', 'leave out no rows and no columns'))
    .addOption(OPTIONS.json())
    .addHelpText(
      'after',
      examples({
        'probe repro mine.arrow --model model.gguf': 'the first stage that is wrong by itself',
        'probe repro mine.safetensors --model model.gguf --lang rust,cpp': 'with a check in two languages',
        'probe repro mine.arrow --model model.gguf --stage q_rope --layer 3 --out case': 'a stage of your choice',
      }),
    );
  for (const option of JUDGING) command.addOption(option());
  return command.action(async (run: string, { json, lang: languages, ...options }: Options) => {
    if (options.stage === undefined && (options.layer !== undefined || options.step !== undefined)) {
      throw new UsageError('--layer and --step say which one of a stage is meant; give its name with --stage, too.');
    }
    const { reproText, runRepro } = await import('@llama-probe/repro');
    const made = await runRepro(run, { ...options, languages }, context.progress, context.signal);
    context.print(json ? encode(documentOf('repro', made)) : reproText(made));
    context.code = made.case?.isWrong ? EXIT.diverged : EXIT.agree;
  });
}

const part = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Which stage:');
const test = (flags: string, description: string): Option => new Option(flags, description).helpGroup('The test:');

function parseNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number, 0 or more.');
  return Number(text);
}

function parseLanguages(text: string): Language[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  const isKnown = (name: string): name is Language => (LANGUAGES as readonly string[]).includes(name);
  if (!names.every(isKnown)) throw new InvalidArgumentError(`Wanted one or more of ${LANGUAGES.join(', ')}.`);
  return names.filter(isKnown);
}

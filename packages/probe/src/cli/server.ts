import { DEFAULTS, documentOf, encode, type ServerOptions } from '@llama-probe/comparison/ask';
import { Argument, Command, Option } from 'commander';
import { EXIT } from '../exit.js';
import type { Context } from './context.js';
import { examples } from './help.js';
import { HEADINGS, OPTIONS, parseFactor, parsePositive } from './options.js';

const what = (flags: string, description: string) => new Option(flags, description).helpGroup(HEADINGS.what);
const how = (flags: string, description: string) => new Option(flags, description).helpGroup(HEADINGS.how);
const limits = (flags: string, description: string) => new Option(flags, description).helpGroup(HEADINGS.limits);

export function serverCommand(context: Context): Command {
  const command = new Command('server')
    .description(
      'compare the log-probabilities that an OpenAI-compatible server answers with, without a hook: whether it departs from llama.cpp, and from which token on',
    )
    .addArgument(new Argument('<url>', 'the address of the server, such as http://127.0.0.1:8080'))
    .addOption(what('-m, --model <file>', 'the GGUF file of the model that the server runs'))
    .addOption(
      what('--against <url>', 'another server as the reference; of the GGUF file only the vocabulary is read then'),
    )
    .addOption(what('--served <name>', 'what the server calls the model (default: the first of its /v1/models)'));
  const { prompt, promptFile, tokens, chat, quantize, steps, reference, exactBy } = OPTIONS;
  for (const option of [prompt, promptFile, tokens, chat, quantize, steps]) command.addOption(option());
  command
    .addOption(
      how(
        '--last <count>',
        'of the prompt ask only for what follows so many of its last tokens (default: all; without echo each is a request)',
      ).argParser(parsePositive),
    )
    .addOption(
      how('--top <count>', 'how many likely tokens are asked for; fewer where the server refuses so many')
        .default(DEFAULTS.top)
        .argParser(parsePositive),
    )
    .addOption(
      how('--timeout <seconds>', 'how long one request may take').default(DEFAULTS.timeout).argParser(parsePositive),
    )
    .addOption(
      how(
        '--key-env <name>',
        "the environment variable that holds the server's key (default: PROBE_API_KEY, if it is set)",
      ),
    )
    .addOption(how('--against-key-env <name>', 'the same of the server of --against (default: none is sent)'))
    .addOption(reference())
    .addOption(exactBy())
    .addOption(OPTIONS.noFloors())
    .addOption(
      limits(
        '--margin <factor>',
        'how many times its floor a KL divergence may be (default: 16, or 9 for quantised activations and servers)',
      ).argParser(parseFactor),
    )
    .addOption(
      limits('--minimum <nats>', 'what a KL divergence may always be (default: 8e-4; servers: 5e-2)').argParser(
        parseFactor,
      ),
    )
    .addOption(OPTIONS.precision())
    .addOption(OPTIONS.json());
  return command
    .addHelpText(
      'after',
      examples({
        'probe server http://127.0.0.1:8080 -m model.gguf -p "Once upon a time"':
          "llama-server, vLLM or an engine of yours, against llama.cpp's numbers",
        'probe server http://127.0.0.1:8080 -m model.gguf --precision f32':
          'an engine in f32, which is held to far less',
        'probe server http://127.0.0.1:8080 -m m.gguf --against http://127.0.0.1:8081':
          'two servers, the second is taken for right',
      }),
    )
    .action(async (url: string, { json, ...options }: ServerOptions & { json?: boolean }) => {
      const { runServer, serverText } = await import('../commands/server.js');
      const report = await runServer(url, options, context.progress, context.signal);
      context.print(json ? encode(documentOf('server', report)) : serverText(report));
      context.code = EXIT[report.verdict];
    });
}

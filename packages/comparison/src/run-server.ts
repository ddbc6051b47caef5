import { openVocabulary } from '@llama-probe/reference';
import { UsageError } from './errors.js';
import type { Progress } from './progress.js';
import { parsePrompt, tokenize } from './prompt.js';
import { addressOf } from './server/address.js';
import { ask, modelOf } from './server/asking.js';
import { checkedTokens } from './server/checked-tokens.js';
import { Client, keyFrom } from './server/client.js';
import type { ServerOptions } from './server/options.js';
import type { Question } from './server/question.js';
import type { ServerReport } from './server/report.js';
import { reportOf } from './server/report-on.js';
import { llamaRight, serverRight } from './server/right.js';
import { Spelling } from './server/spelling.js';
import { otherTokens, textOfTokens } from './server/words.js';
import { chooseModel } from './sides/open.js';
import { chatText } from './tokenize/chat.js';

/**
 * `probe server`: the log-probabilities that a server answers with, held to llama.cpp's or another server's on the same tokens: whether and from which token on they
 * are apart, before there is a hook.
 *
 * @throws UsageError for options that do not go together; ServerError where the server cannot be asked, or gives no log-probabilities
 */
export async function runServer(
  url: string,
  options: ServerOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<ServerReport> {
  const begin = performance.now();
  const { timeout, against } = options;
  if (options.model === undefined)
    throw new UsageError(
      'Wanted --model FILE, the GGUF file of the model that the server runs: llama.cpp tokenises with it, and is what the server is held to.',
    );
  const client = new Client({ address: addressOf(url), key: keyFrom(options.keyEnv, '--key-env'), timeout, signal });
  const other = against === undefined ? undefined : otherClient(against, options, signal);
  const prompt = parsePrompt(options);
  if (options.last !== undefined && options.chat)
    throw new UsageError(
      '--last is of the prompt, and of a chat only what is decoded can be compared; leave one of them out.',
    );
  const file = await chooseModel(options, progress, signal);
  const vocabulary = await openVocabulary({ model: file.path, signal });
  try {
    const chat = async (message: string) => (await chatText(vocabulary, file, message)).text;
    const tools = { tokenize: vocabulary.tokenize, chat };
    const made = await tokenize(prompt, tools);
    const tokens = checkedTokens(made.ids, options.steps, file);
    const pieces = await vocabulary.pieces([...Array(vocabulary.info.size).keys()]);
    const raw = file.metadata['tokenizer.ggml.tokens'];
    const spelling = new Spelling({
      pieces,
      raw: Array.isArray(raw) ? raw.map(String) : [],
    });
    const question: Question = {
      tokens,
      textOf: textOfTokens(vocabulary, { tokens, text: made.text }),
      message: 'text' in prompt && prompt.chat ? prompt.text : undefined,
      steps: options.steps,
      top: options.top,
      last: options.last,
      model: options.served ?? (await modelOf(client)),
    };
    const asked = await ask(client, question, spelling, progress);
    const last = Math.max(tokens.length - 1, ...asked.rows.keys());
    const all = [...tokens, ...asked.generated].slice(0, last + 1);
    const run = { file, options, tokens: all, asked, progress, signal };
    const right = other
      ? await serverRight(run, question, { client, other, spelling })
      : await llamaRight(run, otherTokens(vocabulary, all, tokens.length, await chatIds(prompt, tools)));
    try {
      const found = {
        file,
        vocabulary,
        client,
        options,
        asked,
        right,
        tokens: all,
        prompt: tokens.length,
        model: question.model,
      };
      return { ...(await reportOf(found)), milliseconds: performance.now() - begin };
    } finally {
      await right.close();
    }
  } finally {
    await vocabulary.close();
  }
}

/** The key of the one is not sent to the other. */
function otherClient(against: string, { againstKeyEnv, timeout }: ServerOptions, signal: AbortSignal): Client {
  const key = againstKeyEnv === undefined ? undefined : keyFrom(againstKeyEnv, '--against-key-env');
  return new Client({ address: addressOf(against, '--against'), key, timeout, signal });
}

/** What the prompt is through the chat template, of a model that has one and a text that was not put through it. */
async function chatIds(
  prompt: ReturnType<typeof parsePrompt>,
  tools: Parameters<typeof tokenize>[1],
): Promise<readonly number[] | undefined> {
  if (!('text' in prompt) || prompt.chat) return undefined;
  try {
    return (await tokenize({ text: prompt.text, chat: true }, tools)).ids;
  } catch {
    return undefined; // it has no template, or none that can be run
  }
}

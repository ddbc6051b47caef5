import {
  type Itself,
  type ItselfOptions,
  runItself as itself,
  type Look,
  type Repeated,
  type RepeatOptions,
  runRepeat as repeat,
  type ServerReport,
  runServer as server,
  type TextReport,
  type Tokenized,
  type TokenizeOptions,
  runText as text,
  runTokenize as tokenize,
} from '@llama-probe/comparison';
import { DEFAULTS, type ServerOptions, type TextOptions } from '@llama-probe/comparison/ask';

// The commands that are no comparison of two sides, for a program: with the options that each has, by their names there (`--prompt-file` is `promptFile`), and its defaults.

type Asked<Options> = Omit<Options, keyof typeof DEFAULTS | 'json'> &
  Partial<Pick<Options, keyof Options & keyof typeof DEFAULTS>>;
type Looks = Pick<Look, 'progress' | 'signal'>;

export type TextAsk = Asked<TextOptions>;
/** With `runs`, files of runs that are over, in place of what is made here. */
export type ItselfAsk = Asked<ItselfOptions> & { readonly runs?: readonly string[] };
export type RepeatAsk = Asked<RepeatOptions> & { readonly runs?: readonly string[] };
export type ServerAsk = Asked<ServerOptions>;
export type TokenizeAsk = TokenizeOptions;

/**
 * `probe text`: the logits at every position of a text or of many prompts, and the stages where they are the furthest apart.
 *
 * @returns KL divergences in nats, probabilities and shares from 0 to 1
 * @throws UsageError
 * @example await runText({ model: 'model.gguf', text: 'wiki.txt', find: 'onset' })
 */
export const runText = (ask: TextAsk, look?: Looks): Promise<TextReport> =>
  text({ ...DEFAULTS, ...ask }, ...whole(look));

/**
 * `probe itself`: an engine held to itself, the same tokens as one prefill, in steps and in chunks; or runs of the same tokens, a prefill first.
 *
 * @throws UsageError
 * @example await runItself({ runs: ['prefill.npz', 'steps.npz'] })
 */
export const runItself = ({ runs = [], ...ask }: ItselfAsk, look?: Looks): Promise<Itself> =>
  itself(runs, { ...DEFAULTS, ...ask }, ...whole(look));

/**
 * `probe repeat`: the same run several times, to the bit; or runs that are over, as dumps or digests.
 *
 * @throws UsageError
 * @example await runRepeat({ runs: ['here.arrow', 'there.arrow'] })
 */
export const runRepeat = ({ runs = [], ...ask }: RepeatAsk, look?: Looks): Promise<Repeated> =>
  repeat(runs, { ...DEFAULTS, ...ask }, ...whole(look));

/**
 * `probe server`: the log-probabilities that an OpenAI-compatible server answers with, held to llama.cpp's or another server's.
 *
 * @throws UsageError; ServerError where the server cannot be asked, or gives none
 * @example await runServer('http://127.0.0.1:8080', { model: 'model.gguf', prompt: 'Once upon a time' })
 */
export const runServer = (url: string, ask: ServerAsk, look?: Looks): Promise<ServerReport> =>
  server(url, { ...DEFAULTS, ...ask }, ...whole(look));

/**
 * `probe tokenize`: what llama.cpp makes of a text, and the first token at which another tokenizer's are others.
 *
 * @throws UsageError
 * @example (await runTokenize({ model: 'model.gguf', prompt: 'Hello' })).tokens.map(({ id }) => id)
 */
export const runTokenize = (ask: TokenizeAsk, look?: Pick<Looks, 'signal'>): Promise<Tokenized> =>
  tokenize(ask, whole(look)[1]);

const whole = ({ progress, signal }: Looks = {}) =>
  [progress ?? { say() {} }, signal ?? new AbortController().signal] as const;

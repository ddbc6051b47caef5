import { diagnoseTokens, type TokenDiagnosis } from '@llama-probe/diff';
import { type GgufFile, openGguf } from '@llama-probe/engine';
import { openVocabulary, type Piece, type Vocabulary } from '@llama-probe/reference';
import { firstGiven, UsageError } from './errors.js';
import { BUNDLED_MODEL } from './model.js';
import type { ModelOptions, PromptOptions } from './options.js';
import { parseIds } from './parse-ids.js';
import { parsePrompt } from './prompt.js';
import { chatText } from './tokenize/chat.js';
import { offsetsIn } from './tokenize/offsets.js';
import { readIds } from './tokenize/read-ids.js';
import { type End, endsOf } from './tokenize/why.js';

export interface TokenizeOptions extends Pick<ModelOptions, 'model'>, Omit<PromptOptions, 'tokens'> {
  /** Ids instead of a text: what they stand for. */
  ids?: string;
  /** A file with the ids that another tokenizer has made of the text. */
  against?: string;
  /** Whether the text's special tokens are tokens. */
  special?: boolean;
  /** Whether BOS and EOS are put around it, where the model asks for that. */
  bos?: boolean;
}

export interface Token {
  readonly id: number;
  /** null where its bytes are a part of a character only. */
  readonly piece: string | null;
  /** In hexadecimal digits. */
  readonly bytes: string;
  readonly kind: Piece['kind'];
  /** Where it stands in the text, in bytes; null where that cannot be told. */
  readonly from: number | null;
  readonly to: number | null;
}

/** What llama.cpp makes of a text. */
export interface Tokenized {
  readonly schema: 1;
  readonly verdict: 'agree' | 'diverged';
  readonly reason: string;
  readonly file: string;
  readonly version: string;
  readonly vocabulary: { readonly type: string; readonly pre: string | null; readonly size: number };
  /** What was tokenised; null of ids. */
  readonly text: string | null;
  /** Who has put it through the chat template; null without `--chat`. */
  readonly chat: 'llama.cpp' | 'jinja' | null;
  readonly parsesSpecial: boolean;
  readonly bos: End;
  readonly eos: End;
  readonly tokens: readonly Token[];
  /** The text of the ids, special tokens spelt out. */
  readonly detokenized: string;
  readonly notes: readonly string[];
  readonly against: null | {
    readonly file: string;
    readonly tokens: readonly number[];
    readonly difference: TokenDiagnosis | null;
  };
}

/** `probe tokenize`: the ids of a text, or the text of ids. @throws UsageError, ModelError, PromptError */
export async function runTokenize(options: TokenizeOptions, signal: AbortSignal): Promise<Tokenized> {
  const { ids, against, special = true, bos: puts = true } = options;
  const wrong = firstGiven({ '--prompt': options.prompt, '--prompt-file': options.promptFile, '--chat': options.chat });
  if (ids !== undefined && wrong !== undefined)
    throw new UsageError(`--ids gives ids, and ${wrong} a text; leave one of them out.`);
  const given = ids === undefined ? undefined : parseIds(ids, '--ids');
  if (given?.length === 0) throw new UsageError('--ids: there are none; wanted such as 1,15043.');
  const theirs = against === undefined ? undefined : readIds(against);
  const file = await openGguf(options.model ?? BUNDLED_MODEL, { vocabulary: true });
  const vocabulary = await openVocabulary({ model: file.path, signal });
  try {
    const made = given
      ? { ids: given, text: null, chat: null, added: { bos: 0, eos: 0 } }
      : await madeOf(vocabulary, file, options, { special, puts });
    const { ends, ...report } = await described(vocabulary, file, made, { special, puts });
    const pieces = await vocabulary.pieces(inRange(theirs ?? [], vocabulary.info.size));
    const spelled = new Map<number, Piece>();
    for (const [i, id] of inRange(theirs ?? [], vocabulary.info.size).entries()) spelled.set(id, pieces[i] as Piece);
    for (const token of report.tokens) spelled.set(token.id, token);
    const difference = theirs && diagnoseTokens(theirs, made.ids, aboutTokens(vocabulary, file, spelled));
    const { type, size } = vocabulary.info;
    return {
      schema: 1,
      verdict: difference ? 'diverged' : 'agree',
      reason: reasonOf(made.ids.length, against, difference),
      file: file.path,
      version: vocabulary.info.version,
      vocabulary: { type, pre: text(file, 'pre') ?? null, size },
      text: made.text,
      chat: made.chat,
      parsesSpecial: special,
      ...ends,
      ...report,
      against:
        theirs && against !== undefined ? { file: against, tokens: theirs, difference: difference ?? null } : null,
    };
  } finally {
    await vocabulary.close();
  }
}

interface Made {
  readonly ids: readonly number[];
  readonly text: string | null;
  readonly chat: Tokenized['chat'];
  /** How many tokens were put before and behind it. */
  readonly added: { readonly bos: number; readonly eos: number };
}

interface How {
  readonly special: boolean;
  readonly puts: boolean;
}

async function madeOf(
  vocabulary: Vocabulary,
  file: GgufFile,
  options: TokenizeOptions,
  { special, puts }: How,
): Promise<Made> {
  const prompt = parsePrompt(options);
  if ('ids' in prompt) throw new Error('there is no --tokens');
  const chat = prompt.chat ? await chatText(vocabulary, file, prompt.text) : undefined;
  const text = chat?.text ?? prompt.text;
  const plain = await vocabulary.tokenize(text, { addSpecial: false, parseSpecial: special });
  const { bos } = vocabulary.info;
  const hasOwn = chat !== undefined && bos !== null && plain[0] === bos; // it must not come twice
  const ids = puts && !hasOwn ? await vocabulary.tokenize(text, { addSpecial: true, parseSpecial: special }) : plain;
  const more = ids.length - plain.length;
  const isBefore = more > 0 && ids.slice(1, 1 + plain.length).join() === plain.join();
  return {
    ids,
    text,
    chat: chat?.by ?? null,
    added: { bos: isBefore ? 1 : 0, eos: Math.max(0, more - (isBefore ? 1 : 0)) },
  };
}

async function described(vocabulary: Vocabulary, file: GgufFile, { ids, text, chat, added }: Made, how: How) {
  const pieces = await vocabulary.pieces(ids);
  const isAdded = (i: number) => i < added.bos || i >= ids.length - added.eos;
  const tokens = pieces.map((piece, i) => ({ bytes: Buffer.from(piece.bytes, 'hex'), isAdded: isAdded(i) }));
  const places = text === null ? [] : offsetsIn(text, tokens);
  const bosId = vocabulary.info.bos;
  const ends = endsOf(vocabulary.info, file, {
    isText: text !== null,
    added: { bos: added.bos > 0, eos: added.eos > 0 },
    puts: how.puts,
    byTemplate: chat !== null && added.bos === 0 && bosId !== null && ids[0] === bosId,
  });
  const unplaced = places.some((place) => place === undefined);
  return {
    ends,
    tokens: ids.map((id, i): Token => {
      const { bytes, kind } = pieces[i] as Piece;
      return { id, piece: utf8(bytes), bytes, kind, from: places[i]?.from ?? null, to: places[i]?.to ?? null };
    }),
    detokenized: await vocabulary.detokenize(ids),
    notes: unplaced
      ? [
          'Byte offsets end where the bytes of the tokens are not those of the text: this vocabulary normalises it first, or takes spaces away.',
        ]
      : [],
  };
}

function aboutTokens(vocabulary: Vocabulary, file: GgufFile, spelled: ReadonlyMap<number, Piece | Token>) {
  const { bos, eos, size } = vocabulary.info;
  const raw = file.metadata['tokenizer.ggml.tokens'];
  return {
    bos: bos ?? undefined,
    eos: eos ?? undefined,
    size,
    piece: (id: number) => {
      const own = spelled.get(id);
      const isByte = own?.kind === 'byte' && Array.isArray(raw);
      return isByte ? String(raw[id]) : own && (utf8(own.bytes) ?? `<${own.bytes}>`);
    },
    bytes: (id: number) => {
      const own = spelled.get(id);
      return own && Buffer.from(own.bytes, 'hex').toString('latin1');
    },
    isSpecial: (id: number) => ['control', 'user-defined'].includes(spelled.get(id)?.kind ?? ''),
  };
}

function reasonOf(count: number, against: string | undefined, difference: TokenDiagnosis | undefined): string {
  const tokens = `${count} ${count === 1 ? 'token' : 'tokens'}`;
  if (against === undefined) return `llama.cpp has ${tokens}.`;
  if (!difference) return `${against} has the same ${tokens}.`;
  const { title, at, text } = difference;
  return `${against} differs from position ${at} on: ${title}. ${text.replaceAll('he candidate', `he other tokenizer`).replaceAll('he reference', 'he one of llama.cpp')}`;
}

const inRange = (ids: readonly number[], size: number): number[] => ids.filter((id) => id < size);

function utf8(hex: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex, 'hex'));
  } catch {
    return null;
  }
}

function text({ metadata }: GgufFile, name: string): string | undefined {
  const value = metadata[`tokenizer.ggml.${name}`];
  return typeof value === 'string' ? value : undefined;
}

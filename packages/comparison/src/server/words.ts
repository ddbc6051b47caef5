import type { Vocabulary } from '@llama-probe/reference';
import type { OtherTokens } from './causes.js';

/** The text that llama.cpp tokenises to these tokens, as a server's tokenizer does; undefined where there is none. */
export const textOfTokens =
  (vocabulary: Vocabulary, written: { readonly tokens: readonly number[]; readonly text: string | undefined }) =>
  async (tokens: readonly number[]): Promise<string | undefined> => {
    const isWhole = tokens.length === written.tokens.length && written.text !== undefined;
    const { bos, addsBos } = vocabulary.info;
    const own = addsBos && tokens[0] === bos ? tokens.slice(1) : tokens;
    const spelt = await vocabulary.detokenize(own);
    for (const text of isWhole ? [written.text as string] : [spelt, spelt.replace(/^ /, '')]) {
      if (text === '') continue;
      const again = await vocabulary.tokenize(text, { addSpecial: true, parseSpecial: true });
      if (again.join() === tokens.join()) return text;
    }
    return undefined;
  };

const shifted = (by: number) => (position: number) => (position + by < 0 ? undefined : position + by);

/** What a server may have run in place of the tokens that it was sent: another BOS, or a chat template around them. */
export function otherTokens(
  { info }: Vocabulary,
  tokens: readonly number[],
  prompt: number,
  chat: readonly number[] | undefined,
): readonly OtherTokens[] {
  const { bos } = info;
  const others: OtherTokens[] = [];
  if (bos !== null && tokens[0] === bos)
    others.push({
      id: 'bos-missing',
      title: 'the server runs the prompt without its BOS',
      look: `BOS is ${bos}, and the server's tokenizer leaves it out, or its endpoint takes it away.`,
      tokens: tokens.slice(1),
      place: shifted(-1),
    });
  if (bos !== null)
    others.push({
      id: tokens[0] === bos ? 'bos-doubled' : 'bos-added',
      title:
        tokens[0] === bos ? 'the server runs the prompt with two BOS' : 'the server puts a BOS in front of the prompt',
      look: `BOS is ${bos}. The server puts one in front of ids, or of a text, that already have one or want none.`,
      tokens: [bos, ...tokens],
      place: shifted(1),
    });
  if (chat)
    others.push({
      id: 'chat-template',
      title: "the server puts the prompt through the model's chat template",
      look: 'Ask another endpoint (/v1/completions takes a text as it is), or compare with --chat.',
      tokens: [...chat, ...tokens.slice(prompt)],
      place: (position) => (position < prompt - 1 ? undefined : position - prompt + chat.length),
    });
  return others;
}

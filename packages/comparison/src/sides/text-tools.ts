import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import type { TextTools } from '../side.js';
import { chatText } from '../tokenize/chat.js';

/** llama.cpp's tokeniser. */
export function textTools(reference: Reference, { metadata }: Pick<GgufFile, 'metadata'>): TextTools {
  let after: number | undefined;
  let before: Promise<string> | undefined;
  return {
    tokenize: (text, options) => reference.tokenize(text, options),
    chat: async (prompt) => (await chatText(reference, { metadata }, prompt)).text,
    // By themselves, ids would lose the space that llama.cpp strips from the beginning of a text.
    async continuation(last, ids) {
      if (metadata['tokenizer.ggml.model'] === 'no_vocab') return null;
      if (after !== last || !before) {
        after = last;
        before = reference.detokenize([last]);
      }
      const text = await reference.detokenize([last, ...ids]);
      return text.startsWith(await before) ? text.slice((await before).length) : reference.detokenize(ids);
    },
  };
}

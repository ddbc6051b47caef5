import { readFileSync } from 'node:fs';
import { UsageError } from './errors.js';
import type { PromptOptions } from './options.js';
import { parseIds } from './parse-ids.js';
import type { TextTools } from './side.js';

/** What to run: text for the reference to tokenise, or ids as they were given. */
export type Prompt = { readonly text: string; readonly chat: boolean } | { readonly ids: readonly number[] };

const DEFAULT_PROMPT = 'Hello';

/** Reads the prompt from the options. @throws UsageError where there are two, or it is empty or unreadable. */
export function parsePrompt(options: PromptOptions): Prompt {
  const { prompt, promptFile, tokens, chat = false } = options;
  const given = { '--prompt': prompt, '--prompt-file': promptFile, '--tokens': tokens };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length > 1) throw new UsageError(`${names.join(' and ')} were given; wanted one of them.`);
  if (tokens !== undefined) {
    if (chat) throw new UsageError('--chat formats text, and --tokens gives ids; use one of them.');
    return { ids: parseIds(tokens) };
  }
  const text = promptFile === undefined ? (prompt ?? DEFAULT_PROMPT) : readPrompt(promptFile);
  if (text === '') throw new UsageError(`${names[0]}: the prompt is empty. Give some text, or ids with --tokens.`);
  return { text, chat };
}

/** Text → ids, with the special tokens that the model asks for; a chat message goes through its template first. */
export async function tokenize(
  prompt: Prompt,
  tools: Pick<TextTools, 'tokenize' | 'chat'> | undefined,
): Promise<{ ids: readonly number[]; text?: string }> {
  if ('ids' in prompt) return prompt;
  if (!tools) throw new UsageError('Neither side can tokenise a text. Give token ids, as --tokens does.');
  if (!prompt.chat)
    return { ids: await tools.tokenize(prompt.text, { addSpecial: true, parseSpecial: true }), text: prompt.text };
  const text = await tools.chat(prompt.text);
  // A template may write the BOS itself; it must not come twice.
  const plain = await tools.tokenize(text, { addSpecial: false, parseSpecial: true });
  const [bos] = await tools.tokenize('', { addSpecial: true });
  const ids =
    bos === undefined || plain[0] === bos
      ? plain
      : await tools.tokenize(text, { addSpecial: true, parseSpecial: true });
  return { ids, text };
}

function readPrompt(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`--prompt-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(
      `--prompt-file: ${path} is not UTF-8: some of its bytes are no text, and llama.cpp would be given others in their place. Convert it (iconv -t UTF-8), or give ids with --tokens.`,
    );
  }
}

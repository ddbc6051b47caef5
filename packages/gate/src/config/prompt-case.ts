import { basename, resolve } from 'node:path';
import type { PromptOptions } from '@llama-probe/comparison/ask';
import type { PromptConfig } from './config.js';
import { slug } from './names.js';

/** What the case's name says of a prompt, and its options. */
export function promptOf(
  prompt: PromptConfig,
  folder: string,
): { readonly label: string; readonly options: PromptOptions } {
  if (typeof prompt === 'string') return { label: slug(prompt), options: { prompt } };
  const { name, text, file, tokens, chat } = prompt;
  const ids = tokens?.join();
  const label = name ?? (ids === undefined ? slug(file === undefined ? (text ?? '') : basename(file)) : slug(ids));
  const options: PromptOptions = {
    ...(text === undefined ? {} : { prompt: text }),
    ...(file === undefined ? {} : { promptFile: resolve(folder, file) }),
    ...(ids === undefined ? {} : { tokens: ids }),
    ...(chat ? { chat } : {}),
  };
  return { label: chat && name === undefined ? `${label}-chat` : label, options };
}

import type { GgufFile } from '@llama-probe/engine';
import { openReference } from '@llama-probe/reference';
import { type Prompt, tokenize } from '../prompt.js';
import { textTools } from './text-tools.js';

/** The ids of a prompt, for a side that takes ids only: text is llama.cpp's to tokenise, which is opened for that and closed. */
export async function tokenizeAlone(file: GgufFile, prompt: Prompt, signal: AbortSignal): ReturnType<typeof tokenize> {
  if ('ids' in prompt) return prompt;
  const reference = await openReference({ model: file.path, mode: 'native', signal });
  try {
    return await tokenize(prompt, textTools(reference, file));
  } finally {
    await reference.close();
  }
}

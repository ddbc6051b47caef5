import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { UsageError } from '../errors.js';

/** A user's message in a model's own format, and who has put it there. */
export interface ChatText {
  readonly text: string;
  readonly by: 'llama.cpp' | 'jinja';
}

/**
 * A user's message through the chat template of a model, with the assistant's turn opened. llama.cpp's function knows the usual templates by
 * their look; any other is a program in Jinja, and is run as one.
 *
 * @throws UsageError where it cannot be run, PromptError where there is none
 */
export async function chatText(
  llama: Pick<Reference, 'chat'>,
  { metadata }: Pick<GgufFile, 'metadata'>,
  message: string,
): Promise<ChatText> {
  try {
    return { text: await llama.chat(message), by: 'llama.cpp' };
  } catch (error) {
    const template = metadata['tokenizer.chat_template'];
    if ((error as { code?: unknown }).code !== 'chat-template-unsupported' || typeof template !== 'string') throw error;
    return { text: await rendered(template, metadata, message, error as Error), by: 'jinja' };
  }
}

async function rendered(
  template: string,
  metadata: GgufFile['metadata'],
  message: string,
  unsupported: Error,
): Promise<string> {
  const pieces = metadata['tokenizer.ggml.tokens'];
  const piece = (name: string) => {
    const id = metadata[`tokenizer.ggml.${name}_token_id`];
    return id === undefined || !Array.isArray(pieces) ? '' : String(pieces[Number(id)] ?? '');
  };
  const { Template } = await import('@huggingface/jinja'); // few templates need it
  try {
    const text = new Template(template).render({
      messages: [{ role: 'user', content: message }],
      add_generation_prompt: true,
      bos_token: piece('bos'),
      eos_token: piece('eos'),
    });
    if (text.includes(message.trim())) return text;
  } catch (cause) {
    throw new UsageError(`--chat: ${unsupported.message} Run as Jinja it fails: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw new UsageError(`--chat: ${unsupported.message} Run as Jinja it leaves the message out.`);
}

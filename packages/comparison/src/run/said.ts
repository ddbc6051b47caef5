import type { GgufFile } from '@llama-probe/engine';
import type { Reference } from '@llama-probe/reference';
import { type Both, runEngine } from './both.js';
import type { Plan } from './plan.js';

/** What the candidate says when it is fed its own choices: the same as long as they are the reference's. */
export async function ownTokens(
  both: Both,
  { tokens, unwatched, ubatch }: Plan,
  generated: readonly number[],
): Promise<readonly number[]> {
  if (generated.join() === unwatched.generated.join()) return generated;
  const run = runEngine(both, { tokens, ubatch, steps: unwatched.generated.length - 1 });
  for await (const _ of run.tensors);
  return (await run.result).generated;
}

/**
 * Ids → text as it goes on after the prompt's last token, or null where the file has no vocabulary. By themselves, ids
 * would lose the space that llama.cpp strips from the beginning of a text.
 */
export function speller(
  file: GgufFile,
  reference: Reference,
  last: number,
): (ids: readonly number[]) => Promise<string | null> {
  if (file.metadata['tokenizer.ggml.model'] === 'no_vocab') return async () => null;
  const before = reference.detokenize([last]);
  return async (ids) => {
    const text = await reference.detokenize([last, ...ids]);
    return text.startsWith(await before) ? text.slice((await before).length) : reference.detokenize(ids);
  };
}

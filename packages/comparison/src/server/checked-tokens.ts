import type { GgufFile } from '@llama-probe/engine';
import { UsageError } from '../errors.js';

/** The tokens of a prompt. @throws UsageError where the model cannot run them, and as many as are decoded */
export function checkedTokens(
  tokens: readonly number[],
  steps: number,
  { metadata, path }: Pick<GgufFile, 'metadata' | 'path'>,
): readonly number[] {
  if (tokens.length === 0) throw new UsageError('The prompt has no tokens; give some text.');
  const context = Number(metadata[`${metadata['general.architecture']}.context_length`] ?? Number.POSITIVE_INFINITY);
  if (tokens.length + steps > context)
    throw new UsageError(
      `The prompt's ${tokens.length} tokens and ${steps} steps are more than the model's context of ${context}; shorten it, or lower --steps.`,
    );
  const pieces = metadata['tokenizer.ggml.tokens'];
  const unknown = Array.isArray(pieces) ? tokens.find((id) => id >= pieces.length) : undefined;
  if (unknown !== undefined && Array.isArray(pieces))
    throw new UsageError(`Token ${unknown} is none of ${path}, which has the ids 0 to ${pieces.length - 1}.`);
  return tokens;
}

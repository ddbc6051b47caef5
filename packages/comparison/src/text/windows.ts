import { UsageError } from '../errors.js';
import { scoredIn } from './base-file.js';

/** Tokens that are run by themselves: a window of a text, or a prompt. */
export interface Window {
  /** Counted from 0. */
  readonly index: number;
  /** What is run. */
  readonly tokens: readonly number[];
  /** Which positions are scored, both included. */
  readonly first: number;
  readonly last: number;
  /** How many tokens of the text are before it; 0 of a prompt. */
  readonly begins: number;
  /** The name of the dump that has it, of a prompt that is recorded. */
  readonly dump?: string | undefined;
}

export interface Cut {
  readonly window: number;
  /** Undefined: one window after the other, as llama.cpp's tool does without --ppl-stride. */
  readonly stride?: number | undefined;
  /** The most windows. */
  readonly most?: number | undefined;
  /** What each window's first token is run as, of a model that wants one. */
  readonly bos?: number | undefined;
}

/**
 * A text in windows, as llama.cpp's perplexity tool cuts it: the BOS takes the place of each window's first token, and what is scored is the
 * second half. With a stride a window begins every so many tokens, as it is, and its last so many positions are scored.
 *
 * Source: llama.cpp, tools/perplexity/perplexity.cpp, `perplexity` and `perplexity_v2`. A text that is shorter than a window, which that tool refuses, is one.
 *
 * @example cut([1, 5, 6, 7, 8, 9], { window: 3, bos: 1 }) // [1, 5, 6] and [1, 8, 9], scored at position 1
 */
export function cut(
  text: readonly number[],
  { window: asked, stride, most = Number.POSITIVE_INFINITY, bos }: Cut,
): Window[] {
  const window = Math.min(asked, text.length);
  if (window < 3)
    throw new UsageError(
      window === text.length
        ? `--text has ${text.length} tokens; wanted at least 3. For short prompts there is --prompts.`
        : `--window ${asked} leaves nothing to score; wanted at least 3.`,
    );
  if (stride !== undefined && stride >= window)
    throw new UsageError(`--stride ${stride} is not shorter than the window of ${window} tokens; wanted less.`);
  const step = stride ?? window;
  const all = stride === undefined ? Math.floor(text.length / window) : Math.ceil((text.length - window) / stride);
  const count = Math.min(most, Math.max(1, all));
  return Array.from({ length: count }, (_, index) => {
    const begins = index * step;
    const tokens = text.slice(begins, begins + window);
    if (stride === undefined && bos !== undefined) tokens[0] = bos;
    const scored = stride === undefined ? scoredIn(window) : { first: window - stride - 1, last: window - 2 };
    return { index, tokens, ...scored, begins };
  });
}

/** Prompts: every position is scored, the last one by what both sides say next. @param dumps the names of those that are recorded */
export const whole = (prompts: readonly (readonly number[])[], dumps: readonly (string | undefined)[] = []): Window[] =>
  prompts.map((tokens, index) => {
    return { index, tokens, first: 0, last: tokens.length - 1, begins: 0, dump: dumps[index] };
  });

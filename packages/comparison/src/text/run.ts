import type { GgufFile } from '@llama-probe/engine';
import type { Clock } from '../clock.js';
import type { Progress } from '../progress.js';
import type { TextCandidate } from './candidate.js';
import type { TextOptions } from './options.js';
import type { LazyReference } from './reference.js';
import type { Source } from './source.js';

/** What a text is run on. */
export interface TextRun {
  readonly options: TextOptions;
  readonly file: GgufFile;
  readonly source: Source;
  readonly reference: LazyReference;
  readonly candidate: TextCandidate;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** How many of so many tokens both sides take at once; undefined: all. */
export function ubatchOf(
  { options, candidate }: Pick<TextRun, 'options' | 'candidate'>,
  tokens: number,
): number | undefined {
  const most = Math.min(tokens, options.ubatch ?? tokens, candidate.ubatch?.(tokens) ?? tokens);
  return most < tokens ? most : undefined;
}

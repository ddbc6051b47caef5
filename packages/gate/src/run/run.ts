import type { Recorder } from '@llama-probe/comparison';
import type { Progress } from '@llama-probe/comparison/ask';
import type { KeptSides } from './kept-sides.js';

/** What a case is run with. */
export interface Run {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Takes a closer look, for a page. */
  readonly recorder: Recorder | undefined;
  readonly sides: KeptSides;
}

import type { Place } from '@llama-probe/dump/stage';
import type { GgufFile } from '@llama-probe/engine';
import type { Blamed, BlamedOf } from './blame/blamed.js';
import type { Clock } from './clock.js';
import type { LimitOptions, PrecisionChoice } from './options.js';
import type { Progress } from './progress.js';
import type { Prompt } from './prompt.js';
import type { RunPlan, TextTools } from './side.js';
import type { Watcher } from './watcher.js';

/** What is compared, and how. */
export interface CompareAsk extends LimitOptions {
  /** What is run where neither side is recorded; "Hello" without it. */
  readonly prompt?: Prompt | undefined;
  /** How many tokens are decoded after the prompt. */
  readonly steps?: number | undefined;
  /** The most tokens that are evaluated at once. */
  readonly ubatch?: number | undefined;
  readonly stages?: RunPlan['stages'];
  readonly layers?: readonly number[] | undefined;
  /** Which of the stages that both have are judged; without it all are. */
  readonly judged?: ((at: Place) => boolean) | undefined;
  /** A second run from inputs that both sides had: always, never, or, where undefined, if the free run diverged. */
  readonly blame?: boolean | undefined;
  /** Whether what only one side has makes the two incomparable: of a recorded run it is counted unless this says so. */
  readonly strict?: boolean | undefined;
  /** A folder for the dumps of both sides. */
  readonly keep?: string | undefined;
  /** The model's file, where no side has it: a recorded candidate is blamed by it, and known bugs are computed with its weights. */
  readonly model?: string | GgufFile | undefined;
  /** What the candidate computes in; without it, and with auto, told from the bits of a recorded run's values. */
  readonly precision?: PrecisionChoice | undefined;
  /** Who spells ids where neither side can. */
  readonly text?: (() => Promise<TextTools | undefined>) | undefined;
}

/** Who looks on. */
export interface Look {
  /** What is being done, or waited for. */
  readonly progress?: Progress | undefined;
  readonly watcher?: Watcher | undefined;
  readonly signal?: AbortSignal | undefined;
  /** One that runs already, of who has opened the sides; the report's times are of the comparison alone. */
  readonly clock?: Clock | undefined;
  /** Is shown the second run while who made it is open, and may ask for the rows of its stages. */
  readonly blamed?: ((run: Blamed, of: BlamedOf) => Promise<void>) | undefined;
}

/** The same with everything there. */
export interface Looking {
  readonly progress: Progress;
  readonly watcher: Watcher | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

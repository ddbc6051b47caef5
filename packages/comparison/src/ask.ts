/**
 * What a comparison is asked with: options, jobs, errors. Nothing that computes is loaded for it, so that a command can say what is wrong
 * with its options, or show its first picture, at once.
 */
export { PARTS, type Part, type PartTimes } from './clock.js';
export { InterruptedError, UsageError } from './errors.js';
export { type Job, runJob } from './job.js';
export { nearest } from './nearest.js';
export { openingOf, type ReadOptions } from './opening.js';
export {
  ADAPTERS,
  type AdapterChoice,
  type BlameOptions,
  CANDIDATES,
  type CompareOptions,
  DEFAULTS,
  type DiffOptions,
  type LimitOptions,
  MODES,
  type ModeChoice,
  type ModelOptions,
  PRECISIONS,
  type PrecisionChoice,
  type PromptOptions,
  type RunOptions,
  WAYS,
  type WayChoice,
} from './options.js';
export { type Finding, type Note, type Outcome, outcomeOf } from './outcome.js';
export { ownFiles } from './own-files.js';
export { type Progress, within } from './progress.js';
export {
  type ComparisonDocument,
  type Document,
  decode,
  documentOf,
  type Encoded,
  encode,
  type Failure,
  failure,
  type Headed,
  type NonFinite,
  type ToldCause,
} from './report-json.js';
export type { ServerOptions } from './server/options.js';
export { shellWord } from './shell-word.js';
export { FINDS, type TextOptions } from './text/options.js';
export { VERSION } from './version.js';
export { count, fromTo } from './watch/summary.js';

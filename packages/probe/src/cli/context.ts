import type { StderrProgress } from '../progress.js';

/** What a command's action has to do with the process that it runs in. */
export interface Context {
  readonly progress: StderrProgress;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Writes a result to standard output; text gets a newline where it has none. */
  print(result: string | Uint8Array): void;
  /** What the process exits with: 0 unless an action says otherwise. */
  code: number;
}

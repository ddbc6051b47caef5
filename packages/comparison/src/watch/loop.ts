import { type Job, runJob } from '../job.js';
import type { Progress } from '../progress.js';
import type { Report } from '../report.js';
import type { Watcher } from '../watcher.js';
import type { Changes } from './change.js';
import { changesBetween } from './changes.js';
import { FileWatch } from './file-watch.js';
import { isMissing, watchedBy } from './watched.js';

/** What the loop has to say. Plain data: it can be sent to another process. */
export type WatchEvent =
  /** A run begins. One that had begun and was not told the end of is given up: what it read has changed. */
  | { readonly kind: 'start'; readonly run: number; readonly changed: readonly string[] }
  /** A run has ended; the loop now waits for a change. `changes` is null where there is no report before it. */
  | {
      readonly kind: 'report';
      readonly run: number;
      readonly report: Report;
      readonly changes: Changes | null;
      readonly ms: number;
    }
  /** A run could not be done, as with a shader that does not compile; the loop now waits for a change. */
  | { readonly kind: 'error'; readonly run: number; readonly message: string; readonly code: string | null };

export interface WatchOptions {
  readonly progress: Progress;
  /** Ends the loop: the run that is going on is stopped in order. */
  readonly signal: AbortSignal;
  /** Looks on at every run; each one calls its `begin`. */
  readonly watcher?: Watcher | undefined;
}

/**
 * Runs a comparison, and again whenever something that it read has changed; a change while it runs starts it anew.
 * Ends when the signal fires, and when whoever reads it stops.
 *
 * @throws what the first run throws where no change of a file can mend it: a mistake in what was asked for, a file that is not there
 */
export async function* watchLoop(job: Job, { progress, signal, watcher }: WatchOptions): AsyncGenerator<WatchEvent> {
  const watched = watchedBy(job);
  const files = await FileWatch.open(watched);
  let last: Report | undefined;
  let changed: readonly string[] = [];
  try {
    for (let run = 1; !signal.aborted; run++) {
      yield { kind: 'start', run, changed };
      const begin = performance.now();
      const stop = stopsOn(signal, files);
      try {
        const report = await runJob(job, progress, stop.signal, watcher);
        if (signal.aborted) return;
        const changes = last ? changesBetween(last, report) : null;
        last = report;
        yield { kind: 'report', run, report, changes, ms: performance.now() - begin };
      } catch (error) {
        if (signal.aborted) return;
        if (!stop.signal.aborted) {
          if (run === 1 && (isUsage(error) || isMissing(watched))) throw error;
          yield { kind: 'error', run, ...describeError(error) };
        }
      } finally {
        stop.release();
      }
      changed = await files.next(signal);
    }
  } finally {
    await files.close();
  }
}

/** A signal for one run: fires with the loop's, and when a file changes. */
function stopsOn(outer: AbortSignal, files: FileWatch): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onStop = () => controller.abort(outer.reason);
  const onChange = () => controller.abort(new Error('What is compared has changed.'));
  if (outer.aborted) onStop();
  outer.addEventListener('abort', onStop, { once: true });
  files.onChange(onChange);
  return {
    signal: controller.signal,
    release() {
      outer.removeEventListener('abort', onStop);
      files.onChange(undefined);
    },
  };
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;
const isUsage = (error: unknown): boolean => codeOf(error) === 'usage';

function describeError(error: unknown): { message: string; code: string | null } {
  const code = codeOf(error);
  return {
    message: error instanceof Error ? error.message : String(error),
    code: typeof code === 'string' ? code : null,
  };
}

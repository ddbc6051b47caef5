import type { BlameOptions, CompareOptions, DiffOptions } from './options.js';
import type { Progress } from './progress.js';
import type { Report } from './report.js';
import type { Watcher } from './watcher.js';

/** A comparison that was asked for, as plain data: it can be sent to another process, and run again. */
export type Job =
  | { readonly command: 'compare'; readonly options: CompareOptions }
  | {
      readonly command: 'diff';
      readonly candidate: string;
      readonly reference: string;
      readonly options: DiffOptions;
    }
  | { readonly command: 'blame'; readonly run: string; readonly options: BlameOptions };

/** The files of the runs that are over. */
export const recordedIn = (job: Exclude<Job, { readonly command: 'compare' }>): readonly string[] =>
  job.command === 'diff' ? [job.candidate, job.reference] : [job.run];

/** Runs it. What it needs is loaded only now: a terminal shows something before that. */
export async function runJob(job: Job, progress: Progress, signal: AbortSignal, watcher?: Watcher): Promise<Report> {
  if (job.command === 'compare') {
    const { engine, candidate, llamaLib, device } = job.options;
    if (candidate === 'llama' || llamaLib !== undefined || device !== undefined || (await takesLlama(job.options))) {
      const { runLlama } = await import('./run-llama.js');
      return runLlama(job.options, progress, signal, watcher);
    }
    if (engine !== undefined) {
      const { runProgram } = await import('./run-program.js');
      return runProgram(engine, job.options, progress, signal, watcher);
    }
    const { runCompare } = await import('./run-compare.js');
    return runCompare(job.options, progress, signal, watcher);
  }
  if (job.command === 'blame') {
    const { model, ...options } = job.options;
    const { runAlone } = await import('./run-alone.js');
    return runAlone(job.run, model, { ...options, blame: true }, progress, signal, { watcher });
  }
  const { runDiff } = await import('./run-diff.js');
  return runDiff(job.candidate, job.reference, job.options, progress, signal, watcher);
}

/** Whether the engine does not compute the model and nothing was asked for that only the engine has: then llama.cpp is the candidate, which the report says. */
async function takesLlama({ engine, candidate, model, adapter, stream }: CompareOptions): Promise<boolean> {
  if (engine !== undefined || candidate !== undefined || model === undefined) return false;
  if (adapter !== 'auto' || stream) return false;
  const { isComputed, openGguf } = await import('@llama-probe/engine');
  const architecture = (await openGguf(model)).metadata['general.architecture'];
  return typeof architecture === 'string' && !isComputed(architecture);
}

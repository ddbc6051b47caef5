import type { Recorder } from '@llama-probe/comparison';
import { type Finding, type Job, outcomeOf, ownFiles, runJob } from '@llama-probe/comparison/ask';
import { type OutputOptions, takesStdout } from '@llama-probe/report/outputs';
import { withReporter } from '@llama-probe/report/reporter';
import { checkOutputs } from '@llama-probe/report/write-outputs';
import { COULD_NOT_TELL, EXIT } from '../exit.js';
import type { Context } from './context.js';
import { present, type ViewOptions } from './present.js';

/** What `compare` and `diff` have in common: the terminal view, or a report as text and whatever else was asked for. */
export async function runComparison(job: Job, given: ViewOptions, context: Context): Promise<void> {
  const options = await withReporter(given);
  checkOutputs(options, ownFiles(job));
  if (isInteractive(options)) {
    context.code = await showInTerminal(job, options, context.signal);
    return;
  }
  if (options.watch) {
    const { watchAsText } = await import('../watch-text.js');
    context.code = await watchAsText(job, options, context);
    return;
  }
  const finding = await find(job, options, context);
  await present([finding], options, context);
  context.code = EXIT[finding.verdict];
}

/** @returns the exit code @throws what ended the run, or the signal's reason */
async function showInTerminal(
  job: Job,
  { json: _, github: __, tui: ___, watch = false, ...outputs }: ViewOptions,
  signal: AbortSignal,
): Promise<number> {
  const { conclusion, showLive } = await import('@llama-probe/terminal');
  const end = await showLive(job, { outputs, watch }, signal);
  signal.throwIfAborted();
  if (end.failure) throw Object.assign(new Error(end.failure.message), { code: end.failure.code ?? undefined });
  process.stdout.write(conclusion(end, process.stdout.columns));
  return end.report ? EXIT[end.report.verdict] : COULD_NOT_TELL;
}

/** Runs a comparison, with a closer look at its stages where an output shows them. */
export async function find(job: Job, options: OutputOptions, { progress, signal }: Context): Promise<Finding> {
  const recorder = options.html === undefined ? undefined : await newRecorder();
  const report = await runJob(job, progress, signal, recorder);
  return { ...outcomeOf(report), recorder };
}

async function newRecorder(): Promise<Recorder> {
  const { Recorder } = await import('@llama-probe/comparison');
  return new Recorder();
}

/** Whether somebody sits before a terminal who can press keys, and nothing else was asked for. */
export function isInteractive(options: ViewOptions): boolean {
  const { stdin, stdout, env } = process;
  const hasTerminal = stdin.isTTY === true && stdout.isTTY === true && env.TERM !== 'dumb' && !isCi(env.CI);
  return hasTerminal && options.tui !== false && !takesStdout(options) && !options.github;
}

const isCi = (value: string | undefined): boolean =>
  value !== undefined && !['', '0', 'false'].includes(value.toLowerCase());

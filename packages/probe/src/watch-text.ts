import { basename } from 'node:path';
import { Recorder, type WatchEvent, watchLoop } from '@llama-probe/comparison';
import { encode, failure, type Job, outcomeOf } from '@llama-probe/comparison/ask';
import {
  changesText,
  color,
  comparisonDocument,
  culpritsText,
  faultsText,
  headlineLine,
  takesStdout,
  tameReport,
  writeOutputs,
} from '@llama-probe/report';
import type { Context } from './cli/context.js';
import { present, type ViewOptions } from './cli/present.js';
import { COULD_NOT_TELL, EXIT } from './exit.js';

/**
 * Runs a comparison again and again, and says as text what changed; with `--json` as a line for each run, a report with `watch` beside it.
 *
 * @returns the exit code of the last run
 * @throws what the loop throws; InterruptedError where no run has come to its end
 */
export async function watchAsText(job: Job, options: ViewOptions, context: Context): Promise<number> {
  const recorder = options.html === undefined ? undefined : new Recorder();
  let code: number | undefined;
  let changed: readonly string[] = [];
  for await (const event of watchLoop(job, { ...context, watcher: recorder })) {
    if (event.kind === 'start') {
      changed = event.changed;
      continue;
    }
    if (options.json) context.print(asJson(event, changed));
    if (event.kind === 'error') {
      code = COULD_NOT_TELL;
      say(block(event, changed), options, context);
    } else {
      const result = { ...outcomeOf(event.report), recorder };
      code = EXIT[result.verdict];
      if (event.run > 1) say(block(event, changed), options, context);
      if (event.changes || options.json) await writeOutputs([result], options, context.print);
      else await present([result], options, context);
    }
    context.progress.say('waiting for a change; Ctrl-C ends it');
  }
  if (code === undefined) throw context.signal.reason;
  return code;
}

type Ended = Exclude<WatchEvent, { kind: 'start' }>;

/** On standard error where a machine reads the other stream. */
function say(text: string, options: ViewOptions, context: Context): void {
  context.progress.done();
  if (!takesStdout(options)) context.print(`\n${text}`);
  else process.stderr.write(`${text}\n`);
}

function asJson(event: Ended, changed: readonly string[]): string {
  const watch = { run: event.run, changed, changes: event.kind === 'report' ? event.changes : null };
  const document =
    event.kind === 'report' ? comparisonDocument(event.report) : failure(event.message, event.code ?? 'internal');
  return encode({ ...document, watch });
}

/** What came of a run after the first. */
function block(event: Ended, changed: readonly string[]): string {
  const time = new Date().toLocaleTimeString('en-GB');
  const because = changed.length > 0 ? `: ${changed.map((path) => basename(path)).join(', ')} changed` : '';
  const title = color.bold(`── ${time}  run ${event.run}${because} ──`);
  if (event.kind === 'error') return `${title}\n${color.red('✗')} could not be run: ${event.message}`;
  const { changes, ms } = event;
  const report = tameReport(event.report);
  return [
    title,
    `${headlineLine(report)} ${color.dim(`(${(ms / 1000).toFixed(1)} s)`)}`,
    culpritsText(report),
    changes ? changesText(changes) : '',
    faultsText(report),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

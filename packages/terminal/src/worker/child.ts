import { basename } from 'node:path';
import { type Changes, Recorder, type Report, type Watcher } from '@llama-probe/comparison';
import {
  type Finding,
  InterruptedError,
  type Job,
  outcomeOf,
  ownFiles,
  type Progress,
  runJob,
} from '@llama-probe/comparison/ask';
import { type OutputOptions, writeOutputs } from '@llama-probe/report';
import { exportAs, lookAt } from './answers.js';
import { Outbox } from './outbox.js';
import type { News, Request } from './protocol.js';

// The process that compares: it does the work and answers questions about it, while its parent draws and hears the keyboard.

const GRACE = 3000; // ms to end in order, when told to
const AT_ONCE = 100; // stages of a report in one message

const controller = new AbortController();
const { signal } = controller;
const post = (news: News): void => {
  if (process.connected) process.send?.(news);
};
const outbox = new Outbox(post);

/** Tells the parent what is going on. */
const progress: Progress & { said: string } = {
  said: '',
  say(text) {
    if (text === progress.said) return;
    progress.said = text;
    outbox.send({ type: 'progress', text });
  },
};

type RunRequest = Request & { type: 'run' };

/** What is shown now, and can be asked about. */
let recorder = new Recorder();
let finding: Finding | undefined;
let runs = 0;
let asked: RunRequest | undefined;
let running: Promise<void> | undefined;

const watcher: Watcher = {
  begin(about) {
    runs++;
    recorder = new Recorder();
    recorder.begin(about);
    finding = undefined;
    outbox.clear();
    outbox.send({ type: 'begin', run: runs, about });
  },
  stage(pass, result, rows) {
    recorder.stage(pass, result, rows);
    outbox.stage(pass, result);
  },
};

async function run({ job, options, watch }: RunRequest): Promise<void> {
  try {
    if (watch) await runAgainAndAgain(job, options);
    else await tell(await runJob(job, progress, signal, watcher), null, options);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

async function runAgainAndAgain(job: Job, options: OutputOptions): Promise<void> {
  const { watchLoop } = await import('@llama-probe/comparison');
  for await (const event of watchLoop(job, { progress, signal, watcher })) {
    if (event.kind === 'start') {
      if (event.changed.length > 0) progress.say(`${event.changed.map((path) => basename(path)).join(', ')} changed`);
      continue;
    }
    if (event.kind === 'report') await tell(event.report, event.changes, options);
    else outbox.send({ type: 'failed', message: event.message, code: event.code, fatal: false });
    progress.say('waiting for a change');
  }
}

/** Sends the stages first that the report says more of, a few at a time: between two messages the parent must hear the keyboard. */
async function tell(report: Report, changes: Changes | null, options: OutputOptions): Promise<void> {
  finding = { ...outcomeOf(report), recorder };
  const { stages: all, ...head } = report;
  outbox.flush();
  const stages = all.filter((stage) => outbox.isNews(stage));
  for (let i = 0; i < stages.length; i += AT_ONCE) {
    outbox.send({ type: 'stages', pass: 'free', stages: stages.slice(i, i + AT_ONCE) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const written = await writeOutputs([finding], options, () => {});
  outbox.send({ type: 'report', report: head, written, changes });
}

function fail(error: unknown): void {
  const { message, code, stack } = error as { message?: string; code?: unknown; stack?: string };
  if (process.env.LLAMA_PROBE_TRACE) process.stderr.write(`${stack}\n`);
  const known = typeof code === 'string' ? code : null;
  outbox.send({ type: 'failed', message: message ?? String(error), code: known, fatal: true });
}

async function answer(request: Request): Promise<void> {
  switch (request.type) {
    case 'run':
      asked = request;
      running = run(request);
      return running;
    case 'blame':
      if (asked?.job.command !== 'compare') return;
      await running;
      running = run({ ...asked, job: { ...asked.job, options: { ...asked.job.options, blame: true } } });
      return running;
    case 'detail':
      return post(lookAt(recorder, request));
    case 'export':
      if (finding && asked) post(await exportAs(finding, request, ownFiles(asked.job)));
      return;
    case 'stop':
      return stop('The terminal view was left.');
  }
}

/** Ends in order, so that partial files and llama.cpp's processes go; if that takes too long, at once. */
function stop(why: string): void {
  if (!signal.aborted) controller.abort(new InterruptedError(why));
  setTimeout(() => process.exit(), GRACE).unref();
  void (running ?? Promise.resolve()).finally(() => process.exit());
}

process.on('message', (request: Request) => void answer(request));
process.on('disconnect', () => stop('The terminal view is gone.'));
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop(`Interrupted (${name}).`));

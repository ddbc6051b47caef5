import type { GgufFile } from '@llama-probe/engine';
import { Clock } from './clock.js';
import type { Progress } from './progress.js';
import { chooseModel, openLlama } from './sides/open.js';
import { textTools } from './sides/text-tools.js';
import { checkCandidate, isLlama, openCandidate } from './text/candidate.js';
import { areDumps, checkDumpOptions, recorded } from './text/dumps.js';
import { lookCloser } from './text/funnel.js';
import type { TextOptions } from './text/options.js';
import { LazyReference } from './text/reference.js';
import { type TextReport, verdictOf } from './text/report.js';
import { aboutSides, spelt, withFound } from './text/report-on.js';
import type { TextRun } from './text/run.js';
import { scoreAll } from './text/score-all.js';
import { checkSource, sourceOf } from './text/source.js';

const SHOWN = 20; // of the worst positions, in the report

/**
 * `probe text`: the logits of a candidate and of llama.cpp at every position of a text, or of many prompts; and from the worst positions to the stages.
 *
 * @throws UsageError for options that do not go together, or a file that is not what it should be
 */
export async function runText(given: TextOptions, progress: Progress, signal: AbortSignal): Promise<TextReport> {
  const clock = new Clock();
  checkSource(given);
  const ofDumps = areDumps(given);
  if (ofDumps) checkDumpOptions(given);
  else checkCandidate(given);
  const reference = isLlama(given) && given.reference === 'auto' ? 'native' : given.reference;
  const options = { ...given, reference };
  const file = await clock.during('loading', () => chooseModel(options, progress, signal));
  const lazy = new LazyReference(file, options, progress, signal, clock);
  const open: { close(): Promise<void> }[] = [lazy];
  try {
    const source = await sourceOf(options, file, tools(options, file, lazy, open, progress, signal), signal);
    if (source.base) open.push(source.base);
    // A candidate that is llama.cpp is run in the mode of the reference, which a file does not say.
    const mode = source.base && options.floors === false ? 'native' : (await lazy.get()).chosen.mode;
    const opening = async () =>
      ofDumps ? recorded(options, file, clock) : openCandidate(file, options, mode, progress, signal, clock);
    const candidate = await clock.during('loading', opening);
    open.push(candidate);
    return await report({ options, file, source, reference: lazy, candidate, progress, signal, clock });
  } finally {
    for (const one of open.reverse()) await one.close();
  }
}

/** llama.cpp's tokeniser: the reference's, or, where none is run, one that is opened for that alone. */
const tools =
  (
    { base, floors }: TextOptions,
    file: GgufFile,
    lazy: LazyReference,
    open: { close(): Promise<void> }[],
    progress: Progress,
    signal: AbortSignal,
  ) =>
  async () => {
    if (base === undefined || floors !== false) return textTools((await lazy.get()).reference, file);
    const { reference } = await openLlama(file, { reference: 'native' }, progress, signal);
    open.push(reference);
    return textTools(reference, file);
  };

async function report(run: TextRun): Promise<TextReport> {
  const { measuring, meter } = await scoreAll(run);
  const { limits, floor } = meter;
  const found = measuring.result(limits.position);
  const worst = spelt(found.worst, run.file);
  const judged = { ...found, worst, source: run.source.about, limits, floor };
  const { verdict, reason } = verdictOf(judged);
  const over = worst.filter(({ kl }) => kl > limits.position);
  const closer = verdict === 'diverged' ? (over.length > 0 ? over : worst) : [];
  const looked = await lookCloser(run, closer, found.windows, limits.position);
  const about = await aboutSides(run);
  const timings = run.clock.timings();
  return {
    schema: 1,
    verdict,
    reason: withFound(reason, looked, run.source),
    ...about,
    ...judged,
    worst: worst.slice(0, SHOWN),
    ...looked,
    milliseconds: timings.total,
    timings,
  };
}

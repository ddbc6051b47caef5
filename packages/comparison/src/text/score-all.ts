import { join } from 'node:path';
import { PrecisionSeen } from '@llama-probe/diff';
import type { Precision } from '@llama-probe/dump';
import { UsageError } from '../errors.js';
import { type Progress, within } from '../progress.js';
import { BaseWriter } from './base-file.js';
import type { FloorMeter } from './floor.js';
import { logits } from './funnel.js';
import { logitsOf } from './logits.js';
import { Measuring, scoresOf, worstOf } from './measure.js';
import { windowName } from './report.js';
import { type TextRun, ubatchOf } from './run.js';
import { type ReferenceRows, rowsOfLogits } from './score.js';
import { StateFile } from './state-file.js';
import { TimeLeft } from './time-left.js';
import { classOf } from './token-class.js';
import { floorMeter } from './twin.js';
import type { Window } from './windows.js';

type Rows<Row> = ReadonlyMap<number, Row>;

/** Every window on both sides, one after the other; only what is one window's is in memory. */
export async function scoreAll(run: TextRun): Promise<{ measuring: Measuring; meter: FloorMeter }> {
  const { source, file, options, progress, signal, clock } = run;
  const { windows, about } = source;
  const measuring = new Measuring(windows, classOf(file.metadata));
  const state = options.state === undefined ? undefined : await StateFile.open(options.state, run);
  const left = windows.filter(({ index }) => !state?.get(index));
  const time = new TimeLeft(left.map(({ tokens }) => tokens.length));
  const saving = new Saving(run);
  let format: Precision | undefined;
  let meter: FloorMeter | undefined;
  let done = 0;
  try {
    for (const window of windows) {
      signal.throwIfAborted();
      const kept = state?.get(window.index);
      if (kept) {
        format ??= kept.format;
        meter ??= await floorMeter(run, format);
        measuring.add(window, kept.scores);
        if (kept.floor) meter.add(kept.floor);
        continue;
      }
      const what = `${windowName(about.kind, window.index, window.dump)} of ${windows.length}${time.text(done++)}`;
      progress.say(what);
      const [right, ours] = await bothRows(run, window, saving, within(progress, what));
      checkRows(window.dump === undefined ? undefined : join(about.file, window.dump), right, ours);
      const scores = clock.during('diff', () => scoresOf(window, right, ours));
      measuring.add(window, scores);
      const seen = formatOf(run, ours);
      format ??= seen;
      if (window.dump !== undefined && seen !== format && Number.isFinite(worstOf(scores)))
        throw new UsageError(
          `--prompts: by its bits ${join(about.file, window.dump)} is in ${seen}, and ${windows[0]?.dump} is in ${format}, and limits are those of one format. Say it with --precision, or keep the dumps of each in a folder of its own.`,
        );
      const known = format;
      const measured = async () => {
        meter ??= await floorMeter(run, known);
        return meter.measure(window, right, worstOf(scores));
      };
      const floor = await clock.during('floors', measured, true);
      state?.add({ window: window.index, format, scores, floor });
    }
    await saving.finish();
  } finally {
    await saving.abort();
  }
  if (!meter) throw new Error('there is no window');
  return { measuring, meter };
}

/** Both sides compute at once. */
function bothRows(
  run: TextRun,
  window: Window,
  saving: Saving,
  progress: Progress,
): Promise<[ReferenceRows, Rows<Float32Array>]> {
  const { candidate, signal } = run;
  const { tokens, first, last, dump } = window;
  const wanted = { tokens, first, last, dump, ubatch: ubatchOf(run, tokens.length), signal };
  return Promise.all([referenceRows(run, window, saving), logits(candidate, wanted, progress)]);
}

/** The reference's log-probabilities: of the file, or of llama.cpp's logits, which are saved where that was asked for. */
async function referenceRows(run: TextRun, window: Window, saving: Saving): Promise<ReferenceRows> {
  const { source, reference, signal } = run;
  if (source.base) return source.base.rows(window.index);
  const { tokens, first, last } = window;
  const { side } = await reference.get();
  const rows = await logitsOf(side, { tokens, first, last, ubatch: ubatchOf(run, tokens.length), signal });
  await run.clock.during('writing', () => saving.add(rows));
  return run.clock.during('diff', () => rowsOfLogits(rows));
}

/** Writes `--save-base` as the windows come. */
class Saving {
  private writer: BaseWriter | undefined;

  constructor(private readonly run: TextRun) {}

  async add(rows: Rows<Float32Array>): Promise<void> {
    const { saveBase } = this.run.options;
    const { asWritten: tokens, about } = this.run.source;
    const [row] = rows.values();
    if (saveBase === undefined || !tokens || !row || about.window === null) return;
    this.writer ??= await BaseWriter.open(saveBase, { window: about.window, vocabulary: row.length, tokens });
    await this.writer.add(rows);
  }

  async finish(): Promise<void> {
    await this.writer?.close();
    this.writer = undefined;
  }

  /** What is not finished is gone. */
  async abort(): Promise<void> {
    await this.writer?.abort();
  }
}

/** What a candidate computes in: what the user says, or the bits of its logits. */
function formatOf({ candidate: { precision } }: TextRun, rows: Rows<Float32Array>): Precision {
  if (precision !== 'auto') return precision;
  const seen = new PrecisionSeen();
  for (const [position, values] of rows)
    seen.add({
      step: 0,
      order: 0,
      layer: null,
      stage: 'result_output',
      positions: Int32Array.of(position),
      width: values.length,
      values,
    });
  return seen.result();
}

/** @throws UsageError where the candidate has another vocabulary, or a dump has no logits */
function checkRows(dump: string | undefined, { width: theirs }: ReferenceRows, candidate: Rows<Float32Array>): void {
  const [ours] = candidate.values();
  if (dump !== undefined && !ours)
    throw new UsageError(`--prompts: ${dump} has no logits; wanted result_output, of the last position at least.`);
  if (theirs === undefined || !ours || ours.length === theirs) return;
  throw new UsageError(
    `The candidate's logits${dump === undefined ? '' : ` in ${dump}`} have ${ours.length} ids, and the reference's ${theirs}: they are not of the same vocabulary. Leave out what pads them.`,
  );
}

import { PrecisionSeen } from '@llama-probe/diff';
import type { Precision } from '@llama-probe/dump';
import { UsageError } from '../errors.js';
import { within } from '../progress.js';
import { BaseWriter } from './base-file.js';
import type { FloorMeter } from './floor.js';
import { logits } from './funnel.js';
import { logitsOf } from './logits.js';
import { Measuring } from './measure.js';
import { windowName } from './report.js';
import { type TextRun, ubatchOf } from './run.js';
import { type ReferenceRows, rowsOfLogits } from './score.js';
import { TimeLeft } from './time-left.js';
import { classOf } from './token-class.js';
import { type FloorPlan, floorPlan } from './twin.js';
import type { Window } from './windows.js';

type Rows<Row> = ReadonlyMap<number, Row>;

/** Every window on both sides, one after the other; only what is one window's is in memory. */
export async function scoreAll(run: TextRun): Promise<{ measuring: Measuring; meter: FloorMeter }> {
  const { source, candidate, signal, file } = run;
  const { windows, about } = source;
  const measuring = new Measuring(windows, classOf(file.metadata));
  const left = new TimeLeft(windows.map(({ tokens }) => tokens.length));
  const saving = new Saving(run);
  let plan: FloorPlan | undefined;
  try {
    for (const [i, window] of windows.entries()) {
      signal.throwIfAborted();
      const what = `${windowName(about.kind, i)} of ${windows.length}${left.text(i)}`;
      run.progress.say(what);
      const { tokens, first, last } = window;
      const wanted = { tokens, first, last, ubatch: ubatchOf(run, tokens.length), signal };
      const [right, ours] = await Promise.all([
        referenceRows(run, window, saving),
        logits(candidate, wanted, within(run.progress, what)),
      ]);
      checkWidths(right, ours);
      const worst = measuring.add(window, right, ours);
      plan ??= await floorPlan(run, candidate.precision === 'auto' ? precisionOf(ours) : candidate.precision);
      await plan.meter.measure(window, right, worst);
    }
    await saving.finish();
  } finally {
    await saving.abort();
    await plan?.close();
  }
  if (!plan) throw new Error('there is no window');
  return { measuring, meter: plan.meter };
}

/** The reference's log-probabilities: of the file, or of llama.cpp's logits, which are saved where that was asked for. */
async function referenceRows(run: TextRun, window: Window, saving: Saving): Promise<ReferenceRows> {
  const { source, reference, signal } = run;
  if (source.base) return source.base.rows(window.index);
  const { tokens, first, last } = window;
  const { side } = await reference.get();
  const rows = await logitsOf(side, { tokens, first, last, ubatch: ubatchOf(run, tokens.length), signal });
  await saving.add(rows);
  return rowsOfLogits(rows);
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

/** What the bits of its logits say that a candidate computes in. */
function precisionOf(rows: Rows<Float32Array>): Precision {
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

/** @throws UsageError where the candidate has another vocabulary */
function checkWidths({ width: theirs }: ReferenceRows, candidate: Rows<Float32Array>): void {
  const [ours] = candidate.values();
  if (theirs === undefined || !ours || ours.length === theirs) return;
  throw new UsageError(
    `The candidate's logits have ${ours.length} ids, and the reference's ${theirs}: they are not of the same vocabulary. Leave out what pads them.`,
  );
}

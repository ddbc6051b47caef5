import { emptyReport, type Recorder } from '@llama-probe/comparison';
import type { Finding, Note } from '@llama-probe/comparison/ask';
import { BaselineError } from '../baseline/baseline.js';
import { readBaseline } from '../baseline/file.js';
import { mismatch, notOfThisRun } from '../baseline/mismatch.js';
import { type Update, updateBaseline } from '../baseline/update.js';
import type { Axes, GateCase } from '../config/case.js';
import type { Matrix } from '../config/cases.js';
import { type BaselineState, type BaselineSummary, judgeCase } from '../judge/judge-case.js';
import { LastLogits } from './last-logits.js';
import { type CaseRun, measure, measureAlone, measureWithLlama } from './measure.js';
import type { QuantizedCost, QuantizedCosts } from './quantized.js';
import type { Run } from './run.js';

/** Indices into the configuration's known faults. */
export interface KnownIndices {
  /** Those that apply to the case. */
  readonly applied: readonly number[];
  /** Those that matched something. */
  readonly used: readonly number[];
  /** Those of which it could not be told whether they match. */
  readonly untold: readonly number[];
}

/** What came of a case. */
export interface CaseFinding extends Finding {
  /** When it began, as ISO 8601. */
  readonly time: string;
  readonly axes: Axes;
  /** SHA-256 of the model's file; null where that is not known. */
  readonly modelHash: string | null;
  /** What quantising costs; null where nobody asked, and where nothing was requantised. */
  readonly quantized: QuantizedCost | null;
  readonly baseline: BaselineSummary | null;
  /** What --update did. */
  readonly update: Update | null;
  readonly known: KnownIndices;
}

export interface CaseOptions extends Omit<Run, 'logits'>, Pick<Matrix, 'factor'> {
  readonly update: boolean;
  /** Where it is asked what quantising costs. */
  readonly costs: QuantizedCosts | undefined;
}

/** Runs a case and judges it. A case that throws could not be told; the others still run. */
export async function runCase(one: GateCase, options: CaseOptions): Promise<CaseFinding> {
  const applied = one.known.map(({ index }) => index);
  const known = { applied, used: [], untold: applied };
  const { name, axes } = one;
  const head = { name, axes, time: new Date().toISOString() };
  try {
    return { ...head, ...(await tryCase(one, options)) };
  } catch (error) {
    options.signal.throwIfAborted();
    const { code, message } = error as { code?: unknown; message?: string };
    if (typeof code !== 'string') throw error; // a bug of ours
    const reason = message ?? String(error);
    const notes: Note[] = [{ level: 'error', text: reason }];
    const nothing = {
      report: emptyReport(reason),
      baseline: null,
      update: null,
      modelHash: null,
      quantized: null,
      known,
    };
    return { ...head, verdict: 'incomparable', reason, notes, ...nothing };
  }
}

type Found = Omit<CaseFinding, 'name' | 'axes' | 'time'>;

async function tryCase(one: GateCase, { update, factor, costs, ...given }: CaseOptions): Promise<Found> {
  const run: Run = { ...given, logits: costs && new LastLogits() };
  const old = update ? ({ state: 'none' } as const) : lookUp(one);
  const measured = await measureCase(one, old, update, run);
  const held = belonging(old, measured);
  const { report, sketches, estimated } = measured;
  const today = new Date().toISOString().slice(0, 10); // in UTC: the same for everybody who looks at one result
  const judged = judgeCase(one, { report, held, sketches, estimated, factor, today });
  const written = update && one.baseline ? updateBaseline(one.baseline, measured, judged) : undefined;
  const { verdict, reason, baseline, used, untold } = judged;
  const costed = await costs?.of(one, report, run.logits?.row, run);
  return {
    verdict,
    reason,
    notes: [...judged.notes, ...(written?.notes ?? []), ...(costed?.notes ?? [])],
    report,
    recorder: recorderOf(run.recorder, estimated),
    baseline,
    update: written?.update ?? null,
    modelHash: measured.about.model.hash,
    quantized: costed?.quantized ?? null,
    known: { applied: one.known.map(({ index }) => index), used, untold },
  };
}

/** A run without a reference records nothing. */
const recorderOf = (recorder: Recorder | undefined, estimated: boolean) => (estimated ? undefined : recorder);

function lookUp({ baseline: path, name }: GateCase): BaselineState {
  if (path === null) return { state: 'none' };
  const file = `${name}.arrow`;
  try {
    const baseline = readBaseline(path);
    if (baseline) return { state: 'compared', baseline, file };
    const why = `There is no baseline of ${name}, so nobody can say whether it worsened. Run probe gate --update, and commit the file.`;
    return { state: 'missing', why, file };
  } catch (error) {
    if (error instanceof BaselineError) return { state: 'unusable', why: error.message, file };
    throw error;
  }
}

async function measureCase(one: GateCase, old: BaselineState, update: boolean, run: Run): Promise<CaseRun> {
  const { work } = one;
  const isAlone =
    work.kind === 'engine' ? work.against === 'baseline' : work.reference === undefined && work.llama === undefined;
  if (isAlone && old.state === 'compared') return measureAlone(one, old.baseline, run);
  if (isAlone && !update) throw noReference(old);
  // A baseline remembers what llama.cpp computed, so to write one llama.cpp has to run once.
  if (work.kind === 'engine' || work.reference !== undefined) return measure(one, run);
  if (work.options.model !== undefined) return measureWithLlama({ ...one, work }, work.options.model, run);
  throw new BaselineError(
    'baseline-missing',
    `A baseline of ${one.name} needs what llama.cpp computes: give it a reference, or its model. Neither is needed afterwards.`,
  );
}

function noReference(old: BaselineState): BaselineError {
  const why = old.state === 'missing' || old.state === 'unusable' ? old.why : 'There is no baseline.';
  return new BaselineError('baseline-missing', why);
}

/** A baseline of another run cannot be used. */
function belonging(old: BaselineState, { about, sketches }: CaseRun): BaselineState {
  if (old.state !== 'compared') return old;
  const { file, baseline } = old;
  const other = mismatch(baseline, about, [...sketches.values()]);
  if (!other) return old;
  return { state: 'unusable', why: notOfThisRun(file, other), file };
}

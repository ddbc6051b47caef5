import {
  type About,
  compare,
  dump,
  llamaSide,
  openLlama,
  ownModel,
  type Pass,
  type Report,
  runCompare,
  runDiff,
  type Watcher,
} from '@llama-probe/comparison';
import { type CompareOptions, openingOf, runJob } from '@llama-probe/comparison/ask';
import type { LimitRule, RowPair, StageResult } from '@llama-probe/diff';
import { openGguf } from '@llama-probe/engine';
import { type Baseline, type BaselineAbout, BaselineError } from '../baseline/baseline.js';
import { notOfThisRun, otherRun } from '../baseline/mismatch.js';
import { type SketchedStage, Sketcher } from '../baseline/sketch.js';
import { kindOf } from '../config/candidate.js';
import type { GateCase } from '../config/case.js';
import { ruleAt } from '../judge/stage-limits.js';
import { aboutAlone, aboutCase } from './about.js';
import { dumpAlone, engineAlone } from './candidate-alone.js';
import type { Run } from './run.js';

/** What a case's run has shown. */
export interface CaseRun {
  readonly report: Report;
  readonly about: BaselineAbout;
  readonly sketches: ReadonlyMap<string, SketchedStage>;
  /** The deltas are estimates from the baseline's projections. */
  readonly estimated: boolean;
}

/** Runs a case beside its reference. */
export async function measure(one: GateCase, run: Run): Promise<CaseRun> {
  const { work, limits } = one;
  const rules = (usual: LimitRule) => ruleAt(usual, limits);
  const sketcher = new Sketcher();
  const watcher = allOf(sketcher, run.recorder, run.logits);
  const report =
    work.kind === 'engine'
      ? await compareOn(run, { ...work.options, ruleAt: rules }, watcher)
      : await runDiff(
          work.candidate,
          work.reference ?? '',
          { ...work.options, strict: true, ruleAt: rules },
          run.progress,
          run.signal,
          watcher,
        );
  return { report, about: await aboutCase(one, report), sketches: sketcher.result(), estimated: false };
}

async function compareOn({ sides, progress, signal }: Run, options: CompareOptions, watcher: Watcher): Promise<Report> {
  if (kindOf(options) !== 'webgpu') {
    await sides.close(); // it may need the memory
    return runJob({ command: 'compare', options }, progress, signal, watcher);
  }
  try {
    return await runCompare(options, progress, signal, watcher, sides.open);
  } catch (error) {
    await sides.close();
    throw error;
  }
}

/** Runs the candidate alone, beside what the baseline remembers of its reference. */
export async function measureAlone(one: GateCase, baseline: Baseline, run: Run): Promise<CaseRun> {
  const { work } = one;
  // With another model or other tokens the deltas would still be numbers, but mean nothing.
  const other = otherRun(baseline, await aboutAlone(one, baseline));
  if (other) throw new BaselineError('baseline-foreign', notOfThisRun(`${one.name}.arrow`, other));
  await run.sides.close();
  const found =
    work.kind === 'engine'
      ? await engineAlone({ ...one, work }, baseline, run)
      : await dumpAlone({ ...one, work }, baseline, run.signal);
  return { ...found, about: await aboutCase(one, found.report), estimated: true };
}

/** A dump that comes without a reference: llama.cpp runs its tokens on the model. */
export async function measureWithLlama(
  one: GateCase & { readonly work: { readonly kind: 'dump' } },
  path: string,
  { sides, recorder, logits, progress, signal }: Run,
): Promise<CaseRun> {
  await sides.close();
  const { work, limits } = one;
  const candidate = await dump(work.candidate, openingOf(work.options));
  try {
    const described = { path: work.candidate, metadata: await candidate.describe({ tokens: [] }) };
    const model = (await ownModel(path, [described])) ?? (await openGguf(path));
    const { reference, chosen } = await openLlama(model, { reference: work.llama ?? 'auto' }, progress, signal);
    const side = llamaSide(reference, model, chosen);
    try {
      const sketcher = new Sketcher();
      const watcher = allOf(sketcher, recorder, logits);
      const ask = { ...work.options, strict: true, model, ruleAt: (usual: LimitRule) => ruleAt(usual, limits) };
      const report = await compare(candidate, side, ask, { progress, watcher, signal });
      return { report, about: await aboutCase(one, report), sketches: sketcher.result(), estimated: false };
    } finally {
      await side.close();
    }
  } finally {
    await candidate.close();
  }
}

/** Several watchers as one. */
function allOf(...given: readonly (Watcher | undefined)[]): Watcher {
  const watchers = given.filter((one) => one !== undefined);
  return {
    begin(about: About) {
      for (const one of watchers) one.begin(about);
    },
    stage(pass: Pass, result: StageResult, rows: readonly RowPair[]) {
      for (const one of watchers) one.stage(pass, result, rows);
    },
  };
}

import type { Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { describe, type StageId, type Verdict } from '@llama-probe/diff';
import { placeKey, stageKey } from '@llama-probe/dump/stage';
import type { Baseline } from '../baseline/baseline.js';
import { SLACK } from '../baseline/estimated.js';
import type { SketchedStage } from '../baseline/sketch.js';
import type { GateCase } from '../config/case.js';
import { badStages } from './bad-stages.js';
import { allow, hiddenReason, untoldFaults } from './known.js';
import { betterNote, limitNotes, note, worseText, wrongNote } from './notes.js';
import { type BaselineChanges, type Change, changesSince } from './worsening.js';

/** What is known of a baseline before its case is judged. */
export type BaselineState =
  | { readonly state: 'compared'; readonly baseline: Baseline; readonly file: string }
  /** Why it cannot be used. */
  | { readonly state: 'missing' | 'unusable'; readonly why: string; readonly file: string }
  /** The configuration wants none, or it is about to be written. */
  | { readonly state: 'none' };

/** How a case stands beside its baseline. */
export interface BaselineSummary {
  readonly file: string;
  readonly state: 'compared' | 'missing' | 'unusable';
  readonly stages: number;
  /** Stages whose candidate is not the same, bit for bit. */
  readonly changed: number;
  readonly worse: number;
  readonly better: number;
  /** The stage that got worse by the most. */
  readonly most: Change | null;
  /** The deltas are estimates from projections: no reference was run. */
  readonly estimated: boolean;
}

/** What a gate says of a case. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly notes: readonly Note[];
  readonly baseline: BaselineSummary | null;
  /** The indices of the known faults that matched something. */
  readonly used: readonly number[];
  /** The indices of those that may or may not still be there. */
  readonly untold: readonly number[];
}

export interface Evidence {
  readonly report: Report;
  readonly held: BaselineState;
  readonly sketches: ReadonlyMap<string, SketchedStage>;
  readonly estimated: boolean;
  readonly factor: number;
  /** As YYYY-MM-DD. */
  readonly today: string;
}

/** Whether a case passes: against the reference, against the baseline, and with known faults allowed. */
export function judgeCase({ known, limits }: Pick<GateCase, 'known' | 'limits'>, evidence: Evidence): Judgement {
  const { report, held, factor, today, estimated } = evidence;
  const changes =
    held.state === 'compared'
      ? changesSince(held.baseline, report.stages, { factor, slack: estimated ? SLACK : 1 })
      : NO_CHANGES;
  const bad = badStages(report, changes, factor);
  const { roots } = bad;
  const { wrong, notes: knownNotes, used } = allow(roots, known, today);
  const notes = [
    ...wrong.slice(0, SHOWN).map((root) => wrongNote(root, report, changes, factor)),
    ...(wrong.length > SHOWN
      ? [note('error', `${wrong.length - SHOWN} more stages are wrong by themselves`, wrong[SHOWN])]
      : []),
    ...knownNotes,
    ...(held.state === 'missing' || held.state === 'unusable' ? [note('error', held.why)] : []),
    ...limitNotes(report, limits, estimated ? SLACK : 1),
    ...betterNote(changes, factor),
  ];
  const untold = report.verdict === 'incomparable' ? known.map(({ index }) => index) : untoldFaults(bad, known, used);
  const said = { notes, baseline: summarize(evidence, changes), used, untold };
  if (wrong.length > 0) return { verdict: 'diverged', reason: whyWrong(report, wrong, changes, factor), ...said };
  const why = untoldReason(report, held, roots) ?? hiddenReason(bad, known, today);
  if (why) return { verdict: 'incomparable', reason: why, ...said };
  return { verdict: 'agree', reason: whyRight(report, roots, changes, factor), ...said };
}

const SHOWN = 8;
const NO_CHANGES: BaselineChanges = { worse: [], better: [], most: null };

function whyWrong(report: Report, [first]: readonly StageId[], changes: BaselineChanges, factor: number): string {
  const { worse } = changes;
  if (report.verdict === 'diverged') {
    const isKnown = first && report.first && placeKey(first) !== placeKey(report.first);
    return isKnown ? `${describe(first)} is wrong, and no known fault. ${report.reason}` : report.reason;
  }
  const change = worse.find((one) => first && stageKey(one) === stageKey(first)) ?? worse[0];
  if (!change) return report.reason;
  const rest = worse.length > 1 ? `, the first of ${worse.length} stages that worsened` : '';
  return `Within its limits, but ${worseText(change, factor)}${rest}.`;
}

/** Why there can be no verdict, if there can be none. */
function untoldReason(
  { verdict, reason, stages }: Report,
  held: BaselineState,
  roots: readonly StageId[],
): string | undefined {
  if (verdict === 'incomparable') return reason;
  const lost = stages.find((stage) => stage.verdict === 'incomparable');
  if (lost) return `${describe(lost)}: ${lost.reason}.`;
  // A run that diverged without a stage that did is not excused by a known fault.
  if (verdict === 'diverged' && roots.length === 0) return reason;
  return held.state === 'missing' || held.state === 'unusable' ? held.why : undefined;
}

function whyRight(
  { verdict, reason, stages }: Report,
  roots: readonly StageId[],
  changes: BaselineChanges,
  factor: number,
) {
  const { most } = changes;
  const worse = new Set(changes.worse.map((change) => stageKey(change)));
  const bad = stages.filter((stage) => stage.verdict === 'diverged' || worse.has(stageKey(stage))).length;
  const base =
    roots.length === 0 && verdict === 'agree'
      ? reason
      : `${bad} of ${stages.length} stages are wrong or worse, and all of it is known and allowed.`;
  if (!most || roots.length > 0) return base;
  return `${base} Against the baseline ${describe(most)} changed the most: ${most.times.toPrecision(2)} times its delta or floor there (${factor} times is allowed).`;
}

function summarize({ held, sketches, estimated }: Evidence, changes: BaselineChanges): BaselineSummary | null {
  if (held.state === 'none') return null;
  const { file, state } = held;
  const stages = held.state === 'compared' ? held.baseline.stages : [];
  const changed = stages.filter((stage) => sketches.get(stageKey(stage))?.hash !== stage.hash).length;
  const { worse, better, most } = changes;
  return { file, state, stages: stages.length, changed, worse: worse.length, better: better.length, most, estimated };
}

import type { Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { describe, limitOf, type StageId, type StageResult, showLimit } from '@llama-probe/diff';
import { idOf, stageKey } from '@llama-probe/dump/stage';
import { localInputs } from '@llama-probe/report';
import type { GateCase } from '../config/case.js';
import { matcher } from './stage-limits.js';
import type { BaselineChanges, Change } from './worsening.js';

export const note = (level: Note['level'], text: string, at?: StageId): Note => ({
  level,
  text,
  ...(at ? { at } : {}),
});

/** Why a stage fails the case. */
export function wrongNote(root: StageId, report: Report, { worse }: BaselineChanges, factor: number): Note {
  const { stages, faults, checks } = report;
  const key = stageKey(root);
  const fault = faults?.find((one) => stageKey(one) === key);
  const stage = stages.find((one) => stageKey(one) === key);
  const change = worse.find((one) => stageKey(one) === key);
  if (change && !fault && stage?.verdict !== 'diverged') return note('error', worseText(change, factor), root);
  const delta = fault
    ? `${localInputs(report)} its relative RMS delta is ${fault.local.toExponential(1)}, the limit is ${showLimit(fault.limit)}`
    : stage
      ? `its relative RMS delta is ${stage.rel.toExponential(1)}, the limit is ${showLimit(stage.limit)}`
      : '';
  const broken = faults ? undefined : checks.candidate.broken.find((one) => stageKey(one) === key)?.text;
  if (broken) return note('error', broken.replace(/\.$/, ''), root);
  return note('error', `${describe(root)} is wrong: ${fault?.reason ?? stage?.reason ?? delta}`, root);
}

export const worseText = ({ rel, was, times, ...at }: Change, factor: number): string =>
  `${describe(at)} is ${times.toPrecision(2)} times as far from the reference as in the baseline (${rel.toExponential(1)}, and ${was.toExponential(1)} before; ${factor} times is allowed)`;

/** Says that --update would hold the engine to something better. */
export function betterNote({ better }: BaselineChanges, factor: number): Note[] {
  const best = better.reduce<Change | null>((a, b) => (a && a.times <= b.times ? a : b), null);
  if (!best) return [];
  const which = better.length === 1 ? '' : `, as ${better.length - 1} more did`;
  const text = `${describe(best)} got more than ${factor} times better${which} (${best.rel.toExponential(1)}, and ${best.was.toExponential(1)} in the baseline): probe gate --update holds it there`;
  return [note('notice', text, idOf(best))];
}

/**
 * Stages that have another verdict by a limit of the configuration than by the usual one.
 *
 * @param slack how much larger the limits of estimated deltas are
 */
export function limitNotes({ stages, floors }: Report, limits: GateCase['limits'], slack = 1): Note[] {
  const usual = ({ floor }: StageResult): number =>
    slack * limitOf(floor === null ? undefined : { rel: floor, row: 0, value: 0 }, floors).rel;
  const isOtherwise = (stage: StageResult): boolean =>
    (stage.verdict === 'agree' && stage.rel > usual(stage)) ||
    (stage.verdict === 'diverged' && stage.rel > stage.limit && stage.rel <= usual(stage));
  const rows = limits.map((limit) => ({ limit, isMeant: matcher(limit), stages: [] as StageResult[] }));
  for (const stage of stages) {
    const row = rows.findLast(({ isMeant }) => isMeant(stage));
    if (row && isOtherwise(stage)) row.stages.push(stage);
  }
  return rows.flatMap(({ limit, stages }): Note[] => {
    const [first] = stages;
    if (!first) return [];
    const { step, layer, stage, rel, verdict, limit: allowed } = first;
    const verb = verdict === 'agree' ? 'agrees only' : 'diverges only';
    const more = stages.length > 1 ? `, as with ${stages.length - 1} more` : '';
    const text = `${describe(first)} ${verb} by limits[${limit.index}] (${limit.stages.join(', ')})${more}: its relative RMS delta is ${rel.toExponential(1)}, the limit ${showLimit(allowed)}, and ${showLimit(usual(first))} without it`;
    return [{ level: 'notice', text, at: { step, layer, stage } }];
  });
}

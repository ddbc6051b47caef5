import type { Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { describe, type StageId, showLimit } from '@llama-probe/diff';
import { idOf, stageKey } from '@llama-probe/dump/stage';
import { localInputs } from '@llama-probe/report';
import type { Change, Changes } from './worsening.js';

export const note = (level: Note['level'], text: string, at?: StageId): Note => ({
  level,
  text,
  ...(at ? { at } : {}),
});

/** Why a stage fails the case. */
export function wrongNote(root: StageId, report: Report, { worse }: Changes, factor: number): Note {
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

/** That --update would hold the engine to something better. */
export function betterNote({ better }: Changes, factor: number): Note[] {
  const best = better.reduce<Change | null>((a, b) => (a && a.times <= b.times ? a : b), null);
  if (!best) return [];
  const which = better.length === 1 ? '' : `, as ${better.length - 1} more did`;
  const text = `${describe(best)} got more than ${factor} times better${which} (${best.rel.toExponential(1)}, and ${best.was.toExponential(1)} in the baseline): probe gate --update holds it there`;
  return [note('notice', text, idOf(best))];
}

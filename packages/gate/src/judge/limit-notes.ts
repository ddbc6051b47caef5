import type { Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { describe, limitOf, type StageResult, showLimit } from '@llama-probe/diff';
import type { GateCase } from '../config/case.js';
import { matcher } from './stage-limits.js';

/**
 * Where a limit of the configuration, and not the usual one, made the verdict about stages.
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

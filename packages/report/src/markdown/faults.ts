import type { Report } from '@llama-probe/comparison';
import { describe, short, showLimit } from '@llama-probe/diff';
import { type Diagnosis, stagesInWords } from '@llama-probe/oracle';
import { type FaultGroup, groupFaults, layersOf, stepsOf, worstOf } from '../fault-groups.js';
import { causeOfFirst, localInputs } from '../words.js';
import { code, long, shorten, table, text } from './text.js';

const SHOWN = 12;

/** The first wrong stage: where inside it, which bug it is, and where to look. */
export function firstWrong(report: Report): string {
  const { first } = report;
  if (!first) return '';
  const named = causeOfFirst(report);
  const from = first.token === null ? '' : `, from token ${first.token} on`;
  return [
    `**First wrong stage: ${code(describe(first))}**${from}`,
    '',
    ...(first.where ? [`- where: ${long(first.where.text)}`] : []),
    ...(named ? causeLines(named) : []),
  ].join('\n');
}

function causeLines({ confidence, candidates, indistinguishable, hint, text: what }: Diagnosis): string[] {
  const [best] = candidates;
  if (confidence === 'unknown' || !best) return [`- cause: ${long(what)}`];
  const bugs = [best, ...(best.with ? [best.with] : [])];
  const title = bugs.map(({ title, parameters }) => text(title + valuesOf(parameters))).join(', and ');
  const ids = bugs.map(({ id }) => code(id)).join(' and ');
  const how =
    confidence === 'confirmed'
      ? `confirmed: with it the stage's own inputs give these rows to within ${short(best.delta)}`
      : `likely, not confirmed: with it a delta of ${short(best.delta)} is left of ${short(best.deltaBefore)}`;
  const others = indistinguishable.map(code).join(', ');
  return [
    `- cause: **${title}** (${ids})${best.at ? ` in ${stagesInWords(best.at)}` : ''}, ${how}`,
    `- where to look: ${bugs.map(({ look }) => long(look)).join(' ')}`,
    ...(others ? [`- these inputs cannot tell it from ${others}${hint ? `; ${text(hint)} would` : ''}`] : []),
    ...(best.at && hint && !others ? [`- to make sure: ${text(hint)}`] : []),
  ];
}

function valuesOf(parameters: Readonly<Record<string, number | string>>): string {
  const shown = Object.entries(parameters).map(([name, value]) => {
    return `${name} ${typeof value === 'number' ? Number(value.toPrecision(7)) : value}`;
  });
  return shown.length === 0 ? '' : ` (${shown.join('; ')})`;
}

/** Every stage that is wrong by itself; the same stage and bug in several layers is one row. */
export function faults(report: Report): string {
  const { faults } = report;
  if (!faults || faults.length === 0) return '';
  const groups = groupFaults(faults);
  const rows = groups.slice(0, SHOWN).map(faultRow);
  return [
    `**Wrong ${text(localInputs(report))}**`,
    '',
    table(['stage', 'layers', 'steps', 'local delta:', 'limit:', 'cause'], rows),
    ...(groups.length > SHOWN ? ['', `and ${groups.length - SHOWN} more`] : []),
  ].join('\n');
}

function faultRow(group: FaultGroup): string[] {
  const worst = worstOf(group);
  const [{ stage, cause }] = group;
  const known = cause ? `${text(cause.title)} (${cause.confidence})` : 'unknown';
  return [
    code(shorten(stage, 80)),
    layersOf(group),
    stepsOf(group),
    `${group.length > 1 ? 'up to ' : ''}${short(worst.local)}`,
    showLimit(worst.limit),
    worst.reason ? `${known}; ${long(worst.reason)}` : known,
  ];
}

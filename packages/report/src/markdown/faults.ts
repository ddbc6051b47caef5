import type { Report } from '@llama-probe/comparison';
import { describe, short, showLimit } from '@llama-probe/diff';
import { culpritsOf, nameOf, sureness } from '../culprits.js';
import { type FaultGroup, groupFaults, layersOf, stepsOf, worstOf } from '../fault-groups.js';
import { localInputs, withoutCause } from '../words.js';
import { code, long, shorten, table, text } from './text.js';

const SHOWN = 12;

/** Of each bug where to look and how sure it is; the headline has the name where there is only one. */
export function culprits(report: Report): string {
  const all = culpritsOf(report);
  const lines = all
    .slice(0, SHOWN)
    .map((one) =>
      [
        ...(all.length > 1 ? [`**${text(nameOf(one))}**`, ''] : []),
        `- where to look: ${long(one.look)}`,
        `- how sure: ${long(sureness(one))}`,
      ].join('\n'),
    );
  return [...lines, ...(all.length > SHOWN ? [`and ${all.length - SHOWN} more`] : [])].join('\n\n');
}

/** The first wrong stage: its numbers, and where inside it. @param reason the sentence about the run */
export function firstWrong({ first }: Report, reason: string): string {
  if (!first) return '';
  const from = first.token === null ? '' : `, from token ${first.token} on`;
  return [
    `**First wrong stage: ${code(describe(first))}**${from}`,
    '',
    `- ${long(withoutCause({ reason, first }))}`,
    ...(first.where ? [`- where: ${long(first.where.text)}`] : []),
  ].join('\n');
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

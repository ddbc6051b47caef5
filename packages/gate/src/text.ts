import type { Report } from '@llama-probe/comparison';
import type { Note } from '@llama-probe/comparison/ask';
import { describe } from '@llama-probe/diff';
import { BORDERLESS, color, culpritsText, furthest, MARKS, seconds, tameAll, times } from '@llama-probe/report';
import Table from 'cli-table3';
import type { CaseResult, GateResult } from './result.js';

/** The gate's result as text: a line per case, what is to be said of each, and the verdict. */
export function gateText(given: GateResult): string {
  const result = tameAll(given);
  return [heading(result), table(result.cases), problems(result), verdict(result), time(result)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function heading({ config, shard, cases, total, only }: GateResult): string {
  const part = shard ? `, shard ${shard.index} of ${shard.count}` : '';
  const which = only === null ? '' : `, only ${only}`;
  const count = cases.length === total ? `${total} case${total === 1 ? '' : 's'}` : `${cases.length} of ${total} cases`;
  return `gate       ${config.file}: ${count}${part}${which}; ${config.factor} times worse than the baseline is too much`;
}

const PAINT = { agree: color.green, diverged: color.red, incomparable: color.yellow } as const;
const WORD = { agree: 'agree', diverged: 'DIVERGED', incomparable: 'could not be told' } as const;

function table(cases: readonly CaseResult[]): string {
  const rows = new Table({
    head: ['', 'case', 'reference', 'stages', 'of limit', 'against the baseline', 'verdict'],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'left', 'left'],
    ...BORDERLESS,
  });
  for (const one of cases) {
    const { report, verdict } = one;
    const { mode } = report.reference;
    rows.push([
      PAINT[verdict](MARKS[verdict]),
      one.name,
      report.stages.length === 0 ? '–' : one.baseline?.estimated ? `${mode}, by baseline` : mode,
      String(report.stages.length),
      report.stages.length === 0 ? '–' : times(furthest(report.stages)),
      standing(one),
      PAINT[verdict](WORD[verdict]),
    ]);
  }
  return rows.toString().replace(/ +$/gm, '');
}

function standing({ baseline, update, verdict }: CaseResult): string {
  if (update) return update.state;
  if (!baseline) return verdict === 'incomparable' ? '–' : 'none wanted';
  if (baseline.state !== 'compared') return baseline.state;
  const { most, changed, stages } = baseline;
  if (changed === 0) return 'the same bits';
  const times = most ? `${most.times.toPrecision(2)} × at ${describe(most)}` : 'nothing to compare';
  return `${times}; ${changed} of ${stages} stages have other bits`;
}

const LEVEL = { error: color.red('error'), warning: color.yellow('warning'), notice: color.dim('notice') } as const;

function problems({ cases, notes }: GateResult): string {
  const line = ({ level, text }: Note) => `  ${LEVEL[level]}: ${text}`;
  const blocks = cases.flatMap(({ name, notes, verdict, reason, report }) => {
    if (notes.length === 0 && verdict === 'agree') return [];
    const own = notes.some(({ text }) => reason.includes(text)) ? [] : [`  ${reason}`];
    const why = verdict === 'diverged' ? causes(report) : [];
    return [[`${name}:`, ...(verdict === 'agree' ? [] : own), ...why, ...notes.map(line)].join('\n')];
  });
  if (notes.length > 0) blocks.push(notes.map((one) => line(one).trim()).join('\n'));
  return blocks.join('\n\n');
}

/** Where inside the first wrong stage, and which known bug it is. */
function causes(report: Report): string[] {
  const { first } = report;
  return [culpritsText(report), ...(first?.where ? [`  where: ${first.where.text}`] : [])].filter(Boolean);
}

const verdict = ({ verdict, reason }: GateResult): string =>
  PAINT[verdict](`${MARKS[verdict]} ${verdict === 'incomparable' ? 'could not be told' : verdict}: ${reason}`);

const time = ({ timings: { total } }: GateResult): string => (total === undefined ? '' : seconds(total));

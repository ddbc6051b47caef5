import { basename } from 'node:path';
import type { Report } from '@llama-probe/comparison';
import { summaryOf } from '../facts.js';
import { notSeen, seconds } from '../words.js';
import { details, long, table } from './text.js';

/** What was run, and on what. The folder of the model is nobody's business. */
export function about(report: Report): string {
  const { model, tokens, stages, timings, unseen } = report;
  if (stages.length === 0 && tokens.length === 0) return ''; // it did not come to a run
  const steps = stages.reduce((most, { step }) => Math.max(most, step), 0);
  const summary = summaryOf({ ...report, model: { ...model, file: basename(model.file) } });
  const time = timings.total === undefined ? '' : ` in ${seconds(timings.total)}`;
  const rows: [string, string][] = [
    ...Object.entries(summary),
    ...[report.candidate, report.reference].flatMap(({ name, notes }): [string, string][] =>
      notes ? [[`${name} was read so`, notes.join('. ')]] : [],
    ),
    ['compared', `${stages.length} stages${time}, ${steps} tokens decoded`],
    ...unseen.map((one): [string, string] => ['not seen', notSeen(one)]),
  ];
  return details(
    'What was run, and on what',
    table(
      ['', ''],
      rows.map(([label, text]) => [label, long(text)]),
    ),
  );
}

import { basename } from 'node:path';
import type { Report } from '@llama-probe/comparison';
import { showLimit } from '@llama-probe/diff';
import { code, details, long, shorten, table, text } from './text.js';

/** What was run, and on what. */
export function about({ model, tokens, reference, candidate, floors, stages, timings, unseen }: Report): string {
  if (stages.length === 0 && tokens.length === 0) return ''; // it did not come to a run
  const bytes = model.bytes === null ? [] : [`${(model.bytes / 1e6).toFixed(1)} MB`];
  const layers = model.layers === null ? [] : [`${model.layers} layers`];
  const injected = candidate.injected?.length ? `, with ${candidate.injected.join(' and ')}` : '';
  const steps = stages.reduce((most, { step }) => Math.max(most, step), 0);
  const rows: [string, string][] = [
    ['model', code(basename(model.file))],
    ['', text([model.arch, model.quantization, ...layers, ...bytes].join(', '))],
    ['tokens', `${tokens.length}: ${code(shorten(tokens.join(' '), 120))}, then ${steps} decoded`],
    [
      'reference',
      long([`${reference.name} ${reference.version}`, reference.mode, reference.why].filter(Boolean).join(', ')),
    ],
    ['candidate', long(`${candidate.name}, ${candidate.backend}, ${candidate.adapter}${injected}`)],
    ['limits', long(`${floors.margin} × the floor, at least ${showLimit(floors.minimum)}; floor ${floors.method}`)],
    [
      'compared',
      `${stages.length} stages${timings.total === undefined ? '' : ` in ${(timings.total / 1000).toFixed(1)} s`}`,
    ],
    ...unseen.map(({ what, why }): [string, string] => ['not seen', long(`${what}: ${why}`)]),
  ];
  return details('What was run, and on what', table(['', ''], rows));
}

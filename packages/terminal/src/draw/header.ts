import { basename } from 'node:path';
import type { Job } from '@llama-probe/comparison/ask';
import { expected } from '../grid/cells.js';
import { cut, type Line, type Segment, spread, tame } from '../line.js';
import { seconds } from '../numbers.js';
import type { State } from '../state.js';
import { EXPLAINED, isExplained } from './explained.js';
import { bar, spinner } from './glyphs.js';

/** The verdict, what is compared with what, and how far it is. */
export function header(state: State): Line {
  const { about, job, size } = state;
  const parts = about
    ? [
        basename(about.model.file),
        about.model.quantization,
        about.model.layers === null ? '' : `${about.model.layers} layers`,
        `${about.tokens.length} tokens${about.steps ? ` + ${about.steps}` : ''}`,
        about.reference.mode,
        basename(about.candidate.adapter).replace(/ \(.*/, ''),
        about.candidate.injected?.length ? `with ${about.candidate.injected.join(' and ')}` : '',
      ]
    : [subject(job)];
  const what = [state.run > 1 ? `run ${state.run}` : '', ...parts]
    .filter((part) => part !== '' && part !== 'unknown')
    .map(tame)
    .flatMap((part, i): Line => {
      const gap: Line = i === 0 ? [] : [[' · ', 'dim']];
      return [...gap, isExplained(state, part) ? [part, ...EXPLAINED] : [part, 'dim']];
    });
  return spread([badge(state), [' '], ...what], extent(state), size.columns);
}

/** What is compared, before anything is known of it. */
function subject(job: Job): string {
  if (job.command === 'diff') return `${basename(job.candidate)} and ${basename(job.reference)}`;
  return basename(job.command === 'blame' ? job.run : (job.options.model ?? 'the bundled model'));
}

function badge({ report, failure, now }: State): Segment {
  if (failure) return [' ! error ', 'on-vermillion', 'bold'];
  if (!report) return [` ${spinner(now)} running `, 'on-sky', 'bold'];
  if (report.verdict === 'agree') return [' ✓ agree ', 'on-green', 'bold'];
  if (report.verdict === 'diverged') return [' ✗ diverged ', 'on-vermillion', 'bold'];
  return [' ? incomparable ', 'on-yellow', 'bold'];
}

const BAR = 12;

function extent(state: State): Line {
  const { report, stages, begun, now } = state;
  const total = expected(state);
  const done = stages.free.size;
  if (report) {
    const ms = report.timings.total;
    const next = state.progress === '' ? '' : `${cut(state.progress, 40)} · `;
    return [[` ${next}${done} stages${ms === undefined ? '' : ` · ${seconds(ms)}`} `, 'dim']];
  }
  if (total === null || total === 0) return [[` ${done} stages · ${seconds(now - begun)} `, 'dim']];
  const share = done / total;
  const filled = bar(share, BAR);
  return [[' '], [filled, 'sky'], ['·'.repeat(BAR - [...filled].length), 'grey'], [` ${done} of ${total} `, 'dim']];
}

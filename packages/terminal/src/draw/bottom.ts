import { selected } from '../grid/rows.js';
import { cut, fit, type Line, type Segment, tame, width } from '../line.js';
import { delta, limit, rms, share, short } from '../numbers.js';
import { remarksOf } from '../remarks.js';
import type { State } from '../state.js';
import { lookOf } from './glyphs.js';
import { localOf } from './local.js';
import { nameOf } from './name.js';

const NOTICES = { good: ['green', 'bold'], bad: ['vermillion', 'bold'], note: ['bold'] } as const;

/** What is asked, what has just happened, or the stage under the cursor. */
export function status(state: State): Line {
  const { columns } = state.size;
  if (state.isTyping)
    return fit(
      [[' /', 'bold'], [tame(state.filter)], ['▏', 'sky'], ['  name, verdict, l3 or l0-4, >0.5', 'dim']],
      columns,
    );
  if (state.notice) return fit([[' '], [tame(state.notice.text), ...NOTICES[state.notice.kind]]], columns);
  const cell = selected(state);
  if (!cell)
    return fit([[` ${state.cursor.stage}${state.report ? ' is not compared in this layer' : ''}`, 'dim']], columns);
  const { result, kind, fault } = cell;
  const look = lookOf(cell);
  const local = localOf(state, result);
  const facts = [
    result.step === 0 ? 'prompt' : `step ${result.step}`,
    `relative ${delta(result)}`,
    share(result),
    `RMS Δ ${rms(result)}`,
    result.floor === null ? '' : `floor ${short(result.floor)}`,
    `limit ${limit(result.limit)}`,
    state.pass === 'blame' || local === null ? '' : `local ${local}`,
    kind === 'inherited' && result.inherits ? `inherited from ${nameOf(result.inherits)}` : '',
    kind === 'own' && fault?.cause ? fault.cause.title : (result.reason ?? ''),
  ].filter((fact) => fact !== '');
  return fit(
    [[' '], [look.glyph, ...look.tones], [` ${nameOf(result)}`, 'bold'], [` · ${facts.join(' · ')}`]],
    columns,
  );
}

type Hint = readonly [key: string, does: string];

const MAIN: readonly Hint[] = [
  ['⏎', 'open'],
  ['n', 'next fault'],
  ['/', 'filter'],
  ['t', 'blame'],
  ['s', 'sort'],
  ['e', 'export'],
  ['?', 'help'],
  ['q', 'quit'],
  ['i', 'remarks'],
  ['tab', 'panel'],
  ['[ ]', 'step'],
  ['↑↓←→', 'move'],
];
const DETAIL: readonly Hint[] = [
  ['tab', 'view'],
  ['←→', 'token'],
  ['{ }', 'head'],
  ['w', 'worst'],
  ['n', 'next fault'],
  ['?', 'help'],
  ['esc', 'back'],
  ['↑↓', 'scroll'],
  ['[ ]', 'step'],
  ['e', 'export'],
];

/** The keys that do something here, as many as there is room for. */
export function hints({ detail, pass, size, isTyping, report }: State): Line {
  if (isTyping)
    return keys(
      [
        ['⏎', 'keep'],
        ['esc', 'clear'],
      ],
      size.columns,
    );
  if (detail) return keys(DETAIL, size.columns);
  return keys(
    MAIN.filter(([key]) => key !== 'i' || (report !== null && remarksOf(report).length > 0)).map(
      ([key, does]) => [key, key === 't' && pass === 'blame' ? 'free run' : does] as const,
    ),
    size.columns,
  );
}

function keys(hints: readonly Hint[], room: number): Line {
  const line: Segment[] = [[' ']];
  let left = room - 1;
  for (const [key, does] of hints) {
    const wide = width(key) + does.length + 3;
    if (wide > left + 2) break;
    line.push([key, 'bold', 'sky'], [` ${cut(does, left)}  `, 'dim']);
    left -= wide;
  }
  return fit(line, room);
}

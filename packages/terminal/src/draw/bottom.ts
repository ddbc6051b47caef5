import { gridOf } from '../grid/cells.js';
import { canFold, faultsIn, selected } from '../grid/rows.js';
import { cut, fit, type Line, type Segment, tame, width } from '../line.js';
import { delta, limit, rms, share, short } from '../numbers.js';
import type { Detail, State } from '../state.js';
import { canBlame, hasMore } from '../update/main.js';
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
  ['i', 'more'],
  ['f', 'fold'],
  ['/', 'filter'],
  ['t', 'blame'],
  ['s', 'sort'],
  ['e', 'export'],
  ['?', 'help'],
  ['q', 'quit'],
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
export function hints(state: State): Line {
  const { detail, size, isTyping } = state;
  if (isTyping)
    return keys(
      [
        ['⏎', 'keep'],
        ['esc', 'clear'],
      ],
      size.columns,
    );
  const does = doesNow(state);
  const offered = (detail ? DETAIL : MAIN).flatMap(([key, label]) => {
    const now = does[key] ?? true;
    return now === false ? [] : [[key, now === true ? label : now] as const];
  });
  return keys(offered, size.columns);
}

/** Which keys do something: false if not; another word where they do something else. */
type Does = Readonly<Record<string, boolean | string>>;

export const doesNow = (state: State): Does => (state.detail ? inDetail(state, state.detail) : inMain(state));

function inMain(state: State): Does {
  const grid = gridOf(state);
  return {
    '⏎': selected(state) !== undefined,
    n: faultsIn(grid).length > 0,
    i: hasMore(state),
    f: canFold(state) && (state.folds ? 'unfold' : 'fold'),
    '/': grid.cells.size > 0,
    t: canBlame(state) && (state.pass === 'blame' ? 'free run' : 'blame'),
    s: grid.cells.size > 0,
    e: state.report !== null,
    '[ ]': grid.steps.length > 1,
    '0 $': grid.layers.length > 1,
  };
}

function inDetail(state: State, { news }: Detail): Does {
  const grid = gridOf(state);
  return {
    '←→': (news?.detail?.tokens.length ?? 0) > 1,
    '{ }': (news?.detail?.heads ?? 1) > 1,
    w: news?.detail?.worst[0] !== undefined,
    n: faultsIn(grid).length > 0,
    '[ ]': grid.steps.length > 1,
    e: state.report !== null,
  };
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

import { stageKey } from '@llama-probe/dump/stage';
import { type Cell, gridOf, shareOf } from '../grid/cells.js';
import { type Row, rowsOf, rowUnder, selected, tableRows } from '../grid/rows.js';
import { firstShown, type Layout, layoutOf } from '../layout.js';
import { cut, fit, type Line, padEnd, padStart, type Segment, tame, wrap } from '../line.js';
import { delta, limit, rms, share, short } from '../numbers.js';
import { remarksOf } from '../remarks.js';
import type { State } from '../state.js';
import type { Tone } from '../tones.js';
import { indexIn } from '../update/moves.js';
import { box } from './box.js';
import { EXPLAINED, isExplained, passName, wordOf } from './explained.js';
import { LIMIT_AT, LOOKS, line, lookOf, onLogScale, spinner } from './glyphs.js';
import { localOf } from './local.js';

interface Column {
  readonly name: string;
  readonly width: number;
  readonly isLeft?: boolean;
  /** The higher, the sooner it gives way where there is no room. */
  readonly rank: number;
  text(cell: Cell, state: State): string;
}

const LEAST_BAR = 8;
const MOST_BAR = 40;
const LEAST_VERDICT = { wide: 15, narrow: 12 };
const LEAST_OF_ALL = 2; // columns of a verdict: its glyph
const GOOD_VERDICT = 22;
const LEAST_COLUMNS = 3; // layer, stage, and the share of the limit
const VERDICT = { name: 'verdict', isLeft: true, rank: 0 } as const;

const COLUMNS: readonly Column[] = [
  { name: 'layer', width: 5, rank: 0, text: ({ result }) => (result.layer === null ? '' : String(result.layer)) },
  { name: 'stage', width: 13, rank: 0, isLeft: true, text: ({ result }) => result.stage },
  { name: 'step', width: 4, rank: 5, text: ({ result: { step } }) => (step === 0 ? 'p' : String(step)) },
  { name: 'RMS Δ', width: 7, rank: 6, text: ({ result }) => rms(result) },
  { name: 'relative', width: 8, rank: 2, text: ({ result }) => delta(result) },
  { name: 'floor', width: 7, rank: 7, text: ({ result }) => short(result.floor) },
  { name: 'limit', width: 7, rank: 4, text: ({ result }) => limit(result.limit) },
  { name: 'local', width: 7, rank: 3, text: ({ result }, state) => localOf(state, result) ?? '' },
  { name: 'of limit', width: 8, rank: 1, text: ({ result }) => share(result) },
];

/** Every stage as a row, with as many columns as there is room for. */
export function table(state: State, { body, page, table: { width } }: Layout): Line[] {
  const rows = rowsOf(state);
  const room = width - 2;
  const { columns, barWidth, hasBar, verdict } = fitting(state, room);
  const here = indexIn(rows, state);
  const shownRows = tableRows(state);
  const at = rowUnder(shownRows, state);
  const top = firstShown(Math.max(0, at), shownRows.length, page);
  const head: Line = [
    [' '],
    ...columns.map((column): Segment => [`${align(column, column.name)} `, ...headTone(state, column.name)]),
    ...(hasBar ? [[`${padEnd(`${' '.repeat(tick(barWidth))}│ limit`, barWidth)}  `, 'dim'] as const] : []),
    [cut(VERDICT.name, verdict), 'dim'],
  ];
  const lines = shownRows.slice(top, top + page).map(({ cell, folded }, i): Line => {
    const isHere = top + i === at;
    if (folded.length > 1) return foldedLine(folded, isHere, room);
    const tones = isHere ? (['bold', 'inverse'] as const) : TONES[cell.kind];
    const facts = columns.map((column) => align(column, column.text(cell, state))).join(' ');
    return [
      [isHere ? '▸' : ' ', 'bold'],
      [`${facts}`, ...tones],
      [' '],
      ...(hasBar ? [...logBar(cell, barWidth), ['  '] as const] : []),
      ...verdictOf(state, cell, verdict),
    ];
  });
  const isEmpty = rows.length === 0 && state.filter === '';
  const shown = !isEmpty ? [head, ...lines] : state.report ? remarkLines(state, room) : phaseLines(state, room);
  return box(shown, {
    width,
    height: body,
    title: [
      ['stages', 'bold'],
      [` · ${stepName(state)} · `, 'dim'],
      [passName(state), ...(isExplained(state, passName(state)) ? EXPLAINED : (['dim'] as const))],
    ],
    footer: [
      [`${rows.length === 0 ? 0 : here + 1} of ${rows.length}`, 'dim'],
      [state.sort === 'order' ? '' : ` · by ${state.sort}`, 'dim'],
      ...(state.filter === '' ? [] : [[' · ', 'dim'] as const, [`/${state.filter}`, 'bold'] as const]),
    ],
    hasFocus: state.focus === 'table',
  });
}

/** The columns that there is room for. */
export const columnsOf = (state: State): string[] => {
  const { table } = layoutOf(state);
  return fitting(state, table.width - 2).columns.map(({ name }) => name);
};

function fitting(state: State, room: number) {
  const leastVerdict = LEAST_VERDICT[room < 58 ? 'narrow' : 'wide'];
  const hasLocal = state.pass === 'free' && state.report?.faults != null;
  const possible = COLUMNS.filter(({ name }) =>
    name === 'local' ? hasLocal : name !== 'step' || state.step === 'all',
  );
  const beside = choose(possible, room - LEAST_BAR - leastVerdict - 3);
  // A bar without a number tells little: where there is no room for both, the number stays.
  const isTight = widthOf(beside) > room - LEAST_BAR - leastVerdict - 3;
  const columns = isTight ? choose(possible, room - LEAST_OF_ALL - 1) : beside;
  const used = widthOf(columns);
  const left = room - used - 3; // for the bar and the verdict
  const barWidth = Math.min(MOST_BAR, Math.max(left - GOOD_VERDICT, Math.min(LEAST_BAR, left - leastVerdict)));
  const hasBar = !isTight && barWidth >= LEAST_BAR;
  return { columns, barWidth, hasBar, verdict: room - used - (hasBar ? barWidth + 2 : 0) - 1 };
}

/** What is wrong stands out: what inherits steps back behind it. */
const TONES = {
  agree: [],
  inherited: ['dim'],
  incomparable: ['bold'],
  over: ['bold'],
  own: ['bold'],
} as const satisfies Record<Cell['kind'], readonly Tone[]>;

function foldedLine(folded: Row['folded'], isHere: boolean, room: number): Line {
  const from = new Set(
    folded.map(({ result: { inherits } }) => inherits && `${inherits.stage} ${inherits.layer ?? ''}`),
  );
  const [only] = from;
  const text = `↳ ${folded.length} stages inherit from ${from.size === 1 && only ? only.trim() : 'what is above'}`;
  const tones = isHere ? (['bold', 'inverse'] as const) : (['dim'] as const);
  return fit(
    [
      [isHere ? '▸' : ' ', 'bold'],
      [`${' '.repeat(6)}${text}`, ...tones],
      ['  f', 'bold', 'sky'],
      [' unfolds', 'dim'],
    ],
    room,
  );
}

/** Before the first stage there is what was done so far, and what is being done. */
const phaseLines = ({ phases, progress, now }: State, room: number): Line[] =>
  phases.map((phase): Line => {
    const text = ` ${cut(tame(phase), room - 3)}`;
    return phase === progress ? [[' '], [spinner(now), 'sky'], [text, 'bold']] : [[' '], ['·', 'dim'], [text, 'dim']];
  });

/** The report says why there is no stage to show. */
function remarkLines({ report }: State, room: number): Line[] {
  const texts = report ? [report.reason, ...remarksOf(report)] : [];
  return texts.flatMap((text) => [...wrap(tame(text), room - 2).map((line): Line => [[' '], [line]]), []]);
}

const align = ({ width, isLeft }: Column, text: string): string =>
  isLeft ? padEnd(cut(text, width), width) : padStart(cut(text, width), width);

const widthOf = (columns: readonly Column[]): number => columns.reduce((sum, { width }) => sum + width + 1, 0);

function choose(columns: readonly Column[], room: number): readonly Column[] {
  let left = columns;
  while (widthOf(left) > room && left.length > LEAST_COLUMNS) {
    const worst = Math.max(...left.map(({ rank }) => rank));
    left = left.filter(({ rank }) => rank !== worst);
  }
  return left;
}

const SORTED_BY: Readonly<Record<string, string>> = {
  'of limit': 'of limit',
  relative: 'relative',
  local: 'local',
  stage: 'stage',
};
const headTone = (state: State, name: string) =>
  isExplained(state, name)
    ? EXPLAINED
    : SORTED_BY[state.sort] === name
      ? (['bold', 'sky'] as const)
      : (['dim'] as const);

/** The delta over the limit on a log scale; the tick is the limit. */
function logBar(cell: Cell, width: number): Segment[] {
  const { tones } = cell.kind === 'own' ? LOOKS.over : lookOf(cell);
  const at = tick(width);
  const filled = padEnd(line(onLogScale(shareOf(cell.result)), width), width);
  return [
    [filled.slice(0, at), ...tones],
    filled[at] === ' ' ? ['│', 'dim'] : ['╋', ...tones],
    [filled.slice(at + 1), ...tones],
  ];
}

const tick = (width: number): number => Math.round(width * LIMIT_AT);

function verdictOf(state: State, cell: Cell, room: number): Segment[] {
  const { kind, result, fault } = cell;
  const look = lookOf(cell);
  const mark = changeMark(state, result);
  const text = {
    agree: 'agree',
    incomparable: result.reason ?? 'incomparable',
    inherited: result.inherits
      ? `from ${result.inherits.stage}${result.inherits.layer === null ? '' : ` ${result.inherits.layer}`}`
      : 'inherited',
    over: 'diverged',
    own: fault?.cause?.id ?? (fault ? 'fault' : 'first wrong'),
  }[kind];
  const quiet = kind === 'agree' || kind === 'inherited' ? (['dim'] as const) : [];
  const isHere = selected(state) === cell && isExplained(state, wordOf(cell));
  return [
    [look.glyph, ...look.tones],
    [` ${cut(text, room - 2 - (mark ? 2 : 0))}`, ...(isHere ? EXPLAINED : quiet)],
    ...(mark ? [mark] : []),
  ];
}

function changeMark({ change }: State, result: Cell['result']): Segment | null {
  if (!change) return null;
  const mark = change.marks.get(stageKey(result));
  if (!mark) return null;
  return mark === 'worse' ? [' ▲', 'vermillion', 'bold'] : [' ▼', 'green', 'bold'];
}

export function stepName({ step, ...state }: State): string {
  if (step !== 'all') return step === 0 ? 'prompt' : `step ${step}`;
  return gridOf({ ...state, step }).steps.length > 1 ? 'all steps' : 'prompt';
}

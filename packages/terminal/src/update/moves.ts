import { type Cell, gridOf } from '../grid/cells.js';
import { rowUnder, selected, shownStages, tableRows } from '../grid/rows.js';
import type { Key } from '../keys.js';
import { layoutOf } from '../layout.js';
import type { State } from '../state.js';

type Move = (state: State) => State;

/** Both panels show the same stage under the cursor; what a key moves over depends on which one has the focus. */
export const MOVES: Readonly<Record<Key, Move>> = {
  up: vertical(() => -1),
  down: vertical(() => 1),
  k: vertical(() => -1),
  j: vertical(() => 1),
  left: horizontal(() => -1),
  right: horizontal(() => 1),
  h: horizontal(() => -1),
  l: horizontal(() => 1),
  pageup: vertical((page) => -page),
  pagedown: vertical((page) => page),
  'ctrl-b': vertical((page) => -page),
  'ctrl-f': vertical((page) => page),
  'ctrl-u': vertical((page) => -Math.ceil(page / 2)),
  'ctrl-d': vertical((page) => Math.ceil(page / 2)),
  g: vertical(() => Number.NEGATIVE_INFINITY),
  home: vertical(() => Number.NEGATIVE_INFINITY),
  G: vertical(() => Number.POSITIVE_INFINITY),
  end: vertical(() => Number.POSITIVE_INFINITY),
  '0': horizontal(() => Number.NEGATIVE_INFINITY),
  $: horizontal(() => Number.POSITIVE_INFINITY),
};

function vertical(by: (page: number) => number): Move {
  return (state) => {
    const { page } = layoutOf(state);
    if (state.focus === 'table') {
      const rows = tableRows(state);
      const row = rows[moved(rowUnder(rows, state), by(page), rows.length)];
      return row ? toCell(state, row.cell) : state;
    }
    const stages = shownStages(state);
    const stage = stages[moved(stages.indexOf(state.cursor.stage), by(page), stages.length)];
    return stage === undefined ? state : { ...state, cursor: { ...state.cursor, stage } };
  };
}

/** Layers; in the table too, where it leads to the same stage of another one. */
function horizontal(by: () => number): Move {
  return (state) => {
    const { layers } = gridOf(state);
    const layer = layers[moved(layers.indexOf(state.cursor.layer), by(), layers.length)];
    return layer === undefined ? state : { ...state, cursor: { ...state.cursor, layer } };
  };
}

const moved = (from: number, by: number, count: number): number =>
  Math.max(0, Math.min(count - 1, Math.max(0, from) + by));

export function indexIn(rows: readonly Cell[], { cursor: { stage, layer } }: Pick<State, 'cursor'>): number {
  return rows.findIndex(({ result }) => result.stage === stage && (result.layer === null || result.layer === layer));
}

export const toCell = (state: State, { result: { stage, layer } }: Cell): State => ({
  ...state,
  cursor: { stage, layer: layer ?? state.cursor.layer },
});

/** The next or previous of the faults, from wherever the cursor is; after the last one comes the first. */
export function faultBeside(state: State, faults: readonly Cell[], by: 1 | -1): Cell {
  const here = indexIn(faults, state);
  if (here >= 0) return faults[(here + by + faults.length) % faults.length] as Cell;
  const order = selected(state)?.order ?? -1;
  const beyond = by > 0 ? faults.find((fault) => fault.order > order) : faults.findLast((fault) => fault.order < order);
  return beyond ?? (faults.at(by > 0 ? 0 : -1) as Cell);
}

import { remedyRows } from './draw/banner.js';
import { gridOf } from './grid/cells.js';
import { shownStages } from './grid/rows.js';
import type { Size, State } from './state.js';

/** A smaller terminal shows nothing worth reading. */
export const SMALLEST: Size = { columns: 60, rows: 16 };

const WIDEST_CELL = { wide: 6, narrow: 4 };
const LONGEST_NAME = 16;
/** Columns that the table needs beside the map: layer, stage, share of the limit, and from 80 columns on some words. */
const LEAST_TABLE = { wide: 40, narrow: 34 };
/** Columns that the table needs to show most of what it has; cells get wider with what is left. */
const GOOD_TABLE = { wide: 88, narrow: 54 };

export interface Layout {
  readonly banner: number;
  /** Rows between the banner and the status line. */
  readonly body: number;
  /** Rows of a panel without its borders and the line of its column names. */
  readonly page: number;
  readonly map: { readonly width: number; readonly name: number; readonly cell: number; readonly layers: number };
  readonly table: { readonly width: number };
}

export const isTooSmall = ({ columns, rows }: Size): boolean => columns < SMALLEST.columns || rows < SMALLEST.rows;

/** Rows that the map and the table have at least: borders, the names of the columns, and a stage or two. */
const LEAST_BODY = 6;

/** What is wrong needs its name, all of its remedy, and what both sides say at once; while all is well a few lines do. */
function bannerRows(state: State): number {
  const { size, report, detail } = state;
  const { rows } = size;
  if (report?.first) {
    const usual = rows >= 44 ? 10 : rows >= 32 ? 9 : rows >= 22 ? 8 : 3;
    // A stage from near says its own cause, and needs the room itself.
    return detail ? usual : Math.max(usual, Math.min(remedyRows(state), rows - 3 - LEAST_BODY));
  }
  return rows >= 44 ? 5 : rows >= 32 ? 4 : rows >= 22 ? 3 : 2;
}

/** Where everything is on the main screen. */
export function layoutOf(state: State): Layout {
  const { columns, rows } = state.size;
  const { layers } = gridOf(state);
  const banner = bannerRows(state);
  const body = rows - banner - 3;
  const longest = shownStages(state).reduce((most, name) => Math.max(most, name.length), 8);
  const name = Math.min(longest, LONGEST_NAME);
  const count = Math.max(1, layers.length);
  const room = columns - LEAST_TABLE[columns < 80 ? 'narrow' : 'wide'] - name - 5;
  const kind = columns < 120 ? 'narrow' : 'wide';
  const cell = Math.max(1, Math.min(WIDEST_CELL[kind], Math.floor((columns - GOOD_TABLE[kind] - name - 5) / count)));
  const shown = Math.max(1, Math.min(count, Math.floor(room / cell)));
  const width = name + 5 + Math.max(shown * cell, columns < 100 ? 8 : 16);
  return {
    banner,
    body,
    page: body - 3,
    map: { width, name, cell, layers: shown },
    table: { width: columns - width },
  };
}

/** The first of `count` that is shown when there is room for `room`, with the chosen one in the middle if possible. */
export function firstShown(chosen: number, count: number, room: number): number {
  return Math.max(0, Math.min(count - room, chosen - Math.floor(room / 2)));
}

import { placeKey } from '@llama-probe/dump/stage';
import { relOf } from '@llama-probe/report';
import type { Sort, State } from '../state.js';
import { type Cell, type Grid, gridOf, shareOf, worse } from './cells.js';

const BY: Readonly<Record<Sort, (a: Cell, b: Cell) => number>> = {
  order: (a, b) => a.order - b.order || a.result.step - b.result.step,
  'of limit': (a, b) => largestFirst(shareOf(a.result), shareOf(b.result)),
  relative: (a, b) => largestFirst(size(relOf(a.result)), size(relOf(b.result))),
  local: (a, b) => largestFirst(size(a.result.local), size(b.result.local)),
  stage: (a, b) => a.result.stage.localeCompare(b.result.stage) || (a.result.layer ?? -1) - (b.result.layer ?? -1),
};

/** Two infinities are the same. */
const largestFirst = (a: number, b: number): number => (a === b ? 0 : b > a ? 1 : -1);

const size = (delta: number | null): number =>
  delta === null ? -1 : Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta;

/** The last rows of each grid. */
const tables = new WeakMap<Grid, { readonly sort: Sort; readonly filter: string; readonly rows: readonly Cell[] }>();

/** The rows of the table: what the filter lets through, sorted. */
export function rowsOf(state: State): readonly Cell[] {
  const grid = gridOf(state);
  const { sort, filter } = state;
  const last = tables.get(grid);
  if (last?.sort === sort && last.filter === filter) return last.rows;
  const rows = [...grid.cells.values()].filter(matches(filter)).sort((a, b) => BY[sort](a, b) || BY.order(a, b));
  tables.set(grid, { sort, filter, rows });
  return rows;
}

/** The stages of the map that the filter lets through, in some layer. */
export function shownStages(state: State): readonly string[] {
  const grid = gridOf(state);
  if (state.filter.trim() === '') return grid.stages;
  const found = new Set(rowsOf(state).map(({ result }) => result.stage));
  return grid.stages.filter((stage) => found.has(stage));
}

/** The stage under the cursor. */
export function selected(state: State): Cell | undefined {
  const grid = gridOf(state);
  const { stage, layer } = state.cursor;
  return grid.cells.get(placeKey({ stage, layer: grid.wide.has(stage) ? null : layer }));
}

/** The faults in evaluation order; if it is not known which stages are faults, all that are over their limit. */
export function faultsIn(grid: Grid): readonly Cell[] {
  const all = [...grid.cells.values()].sort(BY.order);
  const own = all.filter(({ kind }) => kind === 'own');
  const over = all.filter(({ kind }) => kind === 'over' || kind === 'own');
  const some = own.length > 0 && over.every(({ kind }) => kind === 'own') ? own : over;
  return some.length > 0 ? some : all.filter(({ kind }) => kind === 'incomparable');
}

/** The stage that is closest to its limit, or furthest over it. */
export function closest(grid: Grid): Cell | undefined {
  let most: Cell | undefined;
  for (const cell of grid.cells.values()) if (!most || worse(cell, most) > 0) most = cell;
  return most;
}

/**
 * What a filter lets through: every word must be found in the stage's name or verdict; `l3` or `l2-4` are layers, `>0.5` is a share of the limit.
 *
 * @example matches('rope l0-3 >1')
 */
export function matches(filter: string): (cell: Cell) => boolean {
  const tests = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(wordTest);
  return (cell) => tests.every((test) => test(cell));
}

const WORDS = {
  agree: 'agree',
  incomparable: 'incomparable',
  inherited: 'inherited diverged',
  over: 'over diverged',
  own: 'fault diverged',
};

function wordTest(word: string): (cell: Cell) => boolean {
  const layers = /^l(\d+)(?:-(\d+))?$/.exec(word);
  if (layers) {
    const from = Number(layers[1]);
    const to = Number(layers[2] ?? layers[1]);
    return ({ result: { layer } }) => layer !== null && layer >= from && layer <= to;
  }
  const share = /^>(\d*\.?\d+(?:e[+-]?\d+)?)$/.exec(word);
  if (share) return ({ result }) => shareOf(result) > Number(share[1]);
  return ({ kind, result }) => result.stage.toLowerCase().includes(word) || WORDS[kind].includes(word);
}

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

/** A row of the table: a stage, or stages that inherit, folded into one. */
export interface Row {
  readonly cell: Cell;
  /** All of them, the first one too; empty for a stage that does not inherit, or is not folded. */
  readonly folded: readonly Cell[];
}

const foldings = new WeakMap<readonly Cell[], readonly Row[]>();

/** The rows of the table as they are shown. What inherits is folded where it stands between what does not. */
export function tableRows(state: State): readonly Row[] {
  const rows = rowsOf(state);
  if (!isFolded(state)) return rows.map((cell) => ({ cell, folded: [] }));
  const known = foldings.get(rows);
  if (known) return known;
  const shown: { readonly cell: Cell; readonly folded: Cell[] }[] = [];
  for (const cell of rows) {
    const last = shown.at(-1);
    if (cell.kind !== 'inherited') shown.push({ cell, folded: [] });
    else if (last?.cell.kind === 'inherited') last.folded.push(cell);
    else shown.push({ cell, folded: [cell] });
  }
  foldings.set(rows, shown);
  return shown;
}

/** Whether there is something to fold: a run that is over, in evaluation order, with nothing looked for. */
export const canFold = (state: State): boolean =>
  state.report?.first != null &&
  state.sort === 'order' &&
  state.filter.trim() === '' &&
  rowsOf(state).some(({ kind }) => kind === 'inherited');

const isFolded = (state: State): boolean => state.folds && canFold(state);

/** The row that shows the stage under the cursor; -1 if none does. */
export function rowUnder(rows: readonly Row[], { cursor: { stage, layer } }: Pick<State, 'cursor'>): number {
  const isIt = ({ result }: Cell) => result.stage === stage && (result.layer === null || result.layer === layer);
  return rows.findIndex(({ cell, folded }) => isIt(cell) || folded.some(isIt));
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

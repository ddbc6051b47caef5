import type { Pass } from '../src/data.js';
import { anchorOf, findStage, mostTelling, type Run, stageAt, stepOf } from './model.js';

/** What is being looked at. */
export interface View {
  readonly run: number;
  readonly pass: Pass;
  /** The stage's number, or −1 where the run has none. */
  readonly stage: number;
}

/** @example viewOf('#layer-3-q_rope&pass=blame', runs) */
export function viewOf(hash: string, runs: readonly Run[]): View {
  const asked = new URLSearchParams(hash.replace(/^#/, ''));
  const number = Number(asked.get('run') ?? 1) - 1;
  const at = runs[number] ? number : 0;
  const run = runs[at];
  const stage = run && askedStage(run, asked);
  // `forced` is what blame was called in addresses that somebody may have kept.
  const pass = /^(blame|forced)$/.test(asked.get('pass') ?? '') && run?.hasBlame ? 'blame' : 'free';
  return { run: at, pass, stage: stage ?? (run && run.count > 0 ? mostTelling(run) : -1) };
}

/** A stage stands in an address by its name alone; `stage=` before it is what addresses were. */
function askedStage(run: Run, asked: URLSearchParams): number | undefined {
  const named = [...asked].find(([, value]) => value === '')?.[0] ?? asked.get('stage');
  return named === null ? undefined : findStage(run, named);
}

/** Whether an address names a stage that the run has, and so asks to be taken there. */
export function asksForStage(hash: string, runs: readonly Run[]): boolean {
  const run = runs[viewOf(hash, runs).run];
  return run !== undefined && askedStage(run, new URLSearchParams(hash.replace(/^#/, ''))) !== undefined;
}

/** The address of a view: it opens from disk, and from a link. */
export function hashOf({ run, pass, stage }: View, runs: readonly Run[]): string {
  const of = runs[run];
  return [
    ...(runs.length > 1 ? [`run=${run + 1}`] : []),
    ...(of && stage >= 0 ? [encodeURIComponent(anchorOf(of, stage))] : []),
    ...(pass === 'blame' ? ['pass=blame'] : []),
  ].join('&');
}

/** The same place at another step, or the first stage of that step. */
export function atStep(run: Run, stage: number, step: number): number {
  const place = run.data.stages.place[stage] ?? 0;
  return stageAt(run, step, place) ?? run.data.stages.step.indexOf(step);
}

/** The stage so many places on in evaluation order, or the last one on the way. */
export const following = (run: Run, stage: number, by: number): number =>
  Math.min(Math.max(stage + by, 0), run.count - 1);

/** The next fault, or the next stage over its limit if faults were not told; after the last comes the first. */
export function nextWrong(run: Run, stage: number, by: 1 | -1): number | undefined {
  const isWrong = (at: number) =>
    run.hasBlame && run.faultOf.size > 0 ? run.faultOf.has(at) : run.data.stages.verdict[at] !== 'a';
  for (let i = 1; i <= run.count; i++) {
    const at = (((stage + by * i) % run.count) + run.count) % run.count;
    if (isWrong(at) && at !== stage) return at;
  }
  return undefined;
}

/** A cell of the heat map, by row and column. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** The rows of the heat map: a stage of every layer, or one of the model in the first or last column. */
export interface GridRow {
  readonly name: string;
  /** The place in each column; undefined where there is none. */
  readonly places: readonly (number | undefined)[];
  readonly isWide: boolean;
}

export function gridOf(run: Run): GridRow[] {
  const columns = Math.max(run.layers.length, 1);
  const column = new Map(run.layers.map((layer, i) => [layer, i]));
  const rows: (Omit<GridRow, 'places'> & { places: (number | undefined)[] })[] = [];
  const byName = new Map<string, (typeof rows)[number]>();
  const seen = { layers: false };
  run.data.places.forEach(({ stage, layer }, place) => {
    const key = layer === null ? `${stage}/-` : stage;
    let row = byName.get(key);
    if (!row) {
      row = { name: stage, places: new Array(columns).fill(undefined), isWide: layer === null };
      byName.set(key, row);
      rows.push(row);
    }
    // A stage before the layers stands over the first layer, one after them under the last.
    row.places[layer === null ? (seen.layers ? columns - 1 : 0) : (column.get(layer) ?? 0)] = place;
    if (layer !== null) seen.layers = true;
  });
  return rows;
}

const MOVES: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, Number.NEGATIVE_INFINITY],
  End: [0, Number.POSITIVE_INFINITY],
  PageUp: [Number.NEGATIVE_INFINITY, 0],
  PageDown: [Number.POSITIVE_INFINITY, 0],
};

/** Where a key moves to; undefined for a key that does not move. Rows with a single cell are entered wherever it stands. */
export function moved(grid: readonly GridRow[], { row, column }: Cell, key: string): Cell | undefined {
  const by = MOVES[key];
  if (!by) return undefined;
  const last = (grid[0]?.places.length ?? 1) - 1;
  const target = Math.min(Math.max(row + by[0], 0), grid.length - 1);
  const wanted = Math.min(Math.max(column + by[1], 0), last);
  const places = grid[target]?.places ?? [];
  const there = places.flatMap((place, i) => (place === undefined ? [] : [i]));
  if (there.length === 0) return { row, column };
  const nearest = there.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
  return { row: target, column: nearest };
}

export const isAtStep = (run: Run, stage: number, step: number): boolean => stepOf(run, stage) === step;

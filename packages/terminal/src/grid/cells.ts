import type { NamedFault } from '@llama-probe/comparison';
import type { StageResult } from '@llama-probe/diff';
import { llamaGraph, placeKey, stageKey } from '@llama-probe/dump/stage';
import type { State } from '../state.js';

/** What is known of a stage. `own`: a fault of its own, or the first divergence. */
export type Kind = 'agree' | 'incomparable' | 'inherited' | 'over' | 'own';

/** One cell of the heat map, one row of the table. */
export interface Cell {
  readonly kind: Kind;
  readonly result: StageResult;
  readonly fault: NamedFault | null;
  /** Where it stands in a pass, whatever its step. */
  readonly order: number;
  /** Of what inherits: how far behind its fault, in thirds of the furthest of this run. */
  readonly third: 0 | 1 | 2;
}

/** All that is compared, as layers × stages. */
export interface Grid {
  /** In evaluation order. */
  readonly stages: readonly string[];
  /** Those that are the whole model's. */
  readonly wide: ReadonlySet<string>;
  readonly layers: readonly number[];
  /** By `placeKey`. */
  readonly cells: ReadonlyMap<string, Cell>;
  /** The steps that have come. */
  readonly steps: readonly number[];
}

const SEVERITY: Readonly<Record<Kind, number>> = { agree: 0, incomparable: 1, inherited: 2, over: 3, own: 4 };
const KNOWN = llamaGraph({ layers: 1 }); // one layer has every name

/** Whether a stage is the whole model's before one of it has come. */
const isWide = (name: string): boolean => KNOWN.has(name) && !KNOWN.isInLayers(name);

type CellVerdict = Pick<Cell, 'kind' | 'result'>;

/** Which of two stages is worse. @example cells.sort((a, b) => worse(b, a)) // the worst first */
export function worse(a: CellVerdict, b: CellVerdict): number {
  const [shareA, shareB] = [shareOf(a.result), shareOf(b.result)];
  return SEVERITY[a.kind] - SEVERITY[b.kind] || (shareA === shareB ? 0 : shareA - shareB);
}

/** Which of two steps of a stage tells more: the first wrong one; if none is wrong, the one closest to its limit. */
function tellsMore(a: CellVerdict, b: CellVerdict): boolean {
  const severity = SEVERITY[a.kind] - SEVERITY[b.kind];
  if (severity !== 0) return severity > 0;
  return a.kind === 'agree' ? worse(a, b) > 0 : a.result.step < b.result.step;
}

/** A stage's share of its limit: infinite if a value is not finite, 0 if it could not be compared. */
export const shareOf = ({ ofLimit, verdict }: StageResult): number =>
  verdict === 'incomparable' ? 0 : Number.isNaN(ofLimit) ? Number.POSITIVE_INFINITY : ofLimit;

type Source = Pick<State, 'stages' | 'pass' | 'step' | 'report' | 'about'>;

/** The last grid of each pass, kept for as long as its stages are: a state never changes, so neither does its grid. */
const grids = new WeakMap<Source['stages']['free'], { readonly source: Source; readonly grid: Grid }>();

/** What the heat map and the table show. It is made anew only when something of it has changed. */
export function gridOf({ stages, pass, step, report, about }: Source): Grid {
  const source = { stages, pass, step, report, about };
  const last = grids.get(stages[pass]);
  if (last && isSame(last.source, source)) return last.grid;
  const grid = makeGrid(source);
  grids.set(stages[pass], { source, grid });
  return grid;
}

const isSame = (a: Source, b: Source): boolean =>
  a.pass === b.pass && a.step === b.step && a.report === b.report && a.about === b.about;

function makeGrid({ stages, pass, step, report, about }: Source): Grid {
  const faults = faultsByKey(report);
  const first = report?.first ? stageKey(report.first) : null;
  const cells = new Map<string, Cell>();
  const orders = new Map<string, number>(); // of stages
  const places = new Map<string, number>();
  const steps = new Set<number>();
  const layers = new Set<number>();
  const wide = new Set<string>();
  for (const result of stages[pass].values()) {
    steps.add(result.step);
    if (result.layer === null) wide.add(result.stage);
    else layers.add(result.layer);
    orders.set(result.stage, Math.min(result.order, orders.get(result.stage) ?? Number.POSITIVE_INFINITY));
    const place = placeKey(result);
    const order = Math.min(result.order, places.get(place) ?? Number.POSITIVE_INFINITY);
    places.set(place, order);
    if (step !== 'all' && step !== result.step) continue;
    const key = stageKey(result);
    const fault = faults.get(key) ?? null;
    const kind = pass === 'blame' ? blameKind(result) : fault || key === first ? 'own' : freeKind(result);
    const cell = { kind, result, fault, order, third: 0 } as const;
    const known = cells.get(place);
    if (!known || tellsMore(cell, known)) cells.set(place, cell);
    else if (order < known.order) cells.set(place, { ...known, order });
  }
  for (const name of about?.stages ?? []) if (isWide(name)) wide.add(name);
  for (const layer of expectedLayers(about)) layers.add(layer);
  const found = [...orders.keys()].sort((a, b) => (orders.get(a) as number) - (orders.get(b) as number));
  const named = about?.stages ?? [];
  return {
    stages: [...named, ...found.filter((name) => !named.includes(name))],
    wide,
    layers: [...layers].sort((a, b) => a - b),
    cells: inThirds(cells, stages[pass]),
    steps: [...steps].sort((a, b) => a - b),
  };
}

/** Says of each cell that inherits how far it is from its fault, in evaluation order. */
function inThirds(cells: ReadonlyMap<string, Cell>, all: ReadonlyMap<string, StageResult>): ReadonlyMap<string, Cell> {
  const behind = new Map<Cell, number>();
  for (const cell of cells.values()) {
    const source = cell.kind === 'inherited' && cell.result.inherits && all.get(stageKey(cell.result.inherits));
    if (source) behind.set(cell, Math.max(0, cell.result.order - source.order));
  }
  if (behind.size === 0) return cells;
  const nearest = Math.min(...behind.values());
  const range = Math.max(1, Math.max(...behind.values()) - nearest);
  const share = (cell: Cell) => ((behind.get(cell) ?? 0) - nearest) / range;
  const thirdOf = (cell: Cell) => Math.min(2, Math.floor(3 * share(cell))) as Cell['third'];
  return new Map(
    [...cells].map(([place, cell]) => [place, behind.has(cell) ? { ...cell, third: thirdOf(cell) } : cell]),
  );
}

function expectedLayers(about: State['about']): readonly number[] {
  return about?.layers ?? Array.from({ length: about?.model.layers ?? 0 }, (_, layer) => layer);
}

function freeKind({ verdict, inherits }: StageResult): Kind {
  if (verdict !== 'diverged') return verdict;
  return inherits ? 'inherited' : 'over';
}

const blameKind = ({ verdict }: StageResult): Kind => (verdict === 'diverged' ? 'own' : verdict);

function faultsByKey(report: State['report']): ReadonlyMap<string, NamedFault> {
  const faults = new Map<string, NamedFault>();
  for (const fault of report?.faults ?? []) {
    for (const step of fault.steps) faults.set(stageKey({ ...fault, step }), fault);
  }
  return faults;
}

/** How many stages there will be; null if only the dumps know. */
export function expected({ about }: Pick<State, 'about'>): number | null {
  if (!about?.stages || about.steps === null) return null;
  const wide = about.stages.filter(isWide).length;
  return (wide + (about.stages.length - wide) * expectedLayers(about).length) * (about.steps + 1);
}

import { placeOf, type Run, rankOf, type State, shareOf, stateOf } from './model.js';
import type { GridRow } from './state.js';

/** What the columns of the map over all runs are. */
export type Across = 'layers' | 'stages';

/** A run and one of its stages. */
export interface RunStage {
  readonly run: number;
  readonly stage: number;
}

/** The map over all runs: in each cell the worst stage of a run in a layer, or of a name. */
export interface RunsGrid {
  /** Layers, and at last the model for what belongs to no layer; or the names of stages. */
  readonly columns: readonly string[];
  /** A row for each run; its places are numbers of `items`. */
  readonly rows: readonly GridRow[];
  readonly items: readonly RunStage[];
}

const MODEL = 'model';

export function runsGridOf(runs: readonly Run[], across: Across): RunsGrid {
  const items: RunStage[] = [];
  const worst = runs.map((run) => worstOf(run, across));
  const names = new Set(worst.flatMap((one) => [...one.keys()]));
  const columns = across === 'layers' ? inOrder(names) : [...names];
  const rows = runs.map(({ data }, run) => ({
    name: data.name,
    isWide: false,
    places: columns.map((column) => {
      const stage = worst[run]?.get(column);
      return stage === undefined ? undefined : items.push({ run, stage }) - 1;
    }),
  }));
  return { columns, rows, items };
}

/** Of each layer or name its worst stage, at whichever step. */
function worstOf(run: Run, across: Across): Map<string, number> {
  const worst = new Map<string, { readonly at: number; readonly state: State; readonly share: number }>();
  for (let at = 0; at < run.count; at++) {
    const { layer, stage } = placeOf(run, at);
    const column = across === 'stages' ? stage : layer === null ? MODEL : String(layer);
    const one = { at, state: stateOf(run, at, 'free'), share: shareOf(run, at, 'free') };
    const other = worst.get(column);
    const by = other ? rankOf(one.state) - rankOf(other.state) : 1;
    if (!other || by > 0 || (by === 0 && one.share > other.share)) worst.set(column, one);
  }
  return new Map([...worst].map(([column, { at }]) => [column, at]));
}

const inOrder = (layers: ReadonlySet<string>): string[] =>
  [...layers].sort((a, b) => (a === MODEL ? 1 : b === MODEL ? -1 : Number(a) - Number(b)));

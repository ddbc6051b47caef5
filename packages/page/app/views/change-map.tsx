import { useMemo } from 'preact/hooks';
import type { ChangedStage } from '../change-grid.js';
import type { Run } from '../model.js';
import { gridOf } from '../state.js';
import { useGrid } from './grid.js';
import { cellText, HeatCell } from './heat-cell.js';
import { StageTable } from './stage-table.js';

interface ChangeMapProps {
  /** The run after. */
  readonly run: Run;
  /** By place. */
  readonly stages: ReadonlyMap<number, ChangedStage>;
  readonly onOpen: (stage: number) => void;
}

const START = { row: 0, column: 0 };

/** Where in the model it got better and worse, at whichever step. */
export function ChangeMap({ run, stages, onOpen }: ChangeMapProps) {
  const grid = useMemo(() => gridOf(run), [run]);
  const placeAt = (place: number) => (stages.has(place) ? place : undefined);
  const open = (place: number) => {
    const there = stages.get(place);
    if (there) onOpen(there.at);
  };
  const { cell, told, table } = useGrid(grid, placeAt, { start: START, onOpen: open, onPick: open });
  const there = told === undefined ? undefined : stages.get(told);
  return (
    <>
      <StageTable
        run={run}
        grid={grid}
        table={{ ...table, 'aria-label': 'Stages × layers: what changed', 'aria-describedby': 'change-keys' }}
        label="Map of changes, scrolls sideways"
        cell={(place, row, column) => {
          const stage = place === undefined ? undefined : stages.get(place);
          return (
            <HeatCell
              key={run.layers[column] ?? 'model'}
              run={run}
              pass="free"
              at={stage?.at}
              change={stage?.change ?? 's'}
              place={`${row}/${column}`}
              isShown={false}
              isNext={row === cell.row && column === cell.column}
            />
          );
        }}
      />
      <p class="told" aria-hidden="true">
        {there ? cellText(run, there.at, 'free', there.change) : ' '}
      </p>
      <p class="quiet" id="change-keys">
        The colour is what a stage is now, the sign what changed; of several steps, the one that tells the most.
        <span class="screen"> Arrow keys move, Enter opens it.</span>
      </p>
    </>
  );
}

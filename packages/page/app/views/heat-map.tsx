import { useMemo } from 'preact/hooks';
import type { Pass } from '../../src/data.js';
import { stepName } from '../format.js';
import { type Run, stageAt } from '../model.js';
import { atStep, type Cell, gridOf } from '../state.js';
import { useGrid } from './grid.js';
import { cellText, HeatCell } from './heat-cell.js';
import { Legend } from './legend.js';
import { StageTable } from './stage-table.js';
import { Passes, Steps } from './switches.js';

interface HeatMapProps {
  readonly run: Run;
  readonly pass: Pass;
  readonly step: number;
  readonly shown: number;
  /** Shows a stage, and goes there. */
  readonly onOpen: (at: number) => void;
  /** Shows a stage, and stays. */
  readonly onPick: (at: number) => void;
  readonly onPass: (pass: Pass) => void;
}

export function HeatMap({ run, pass, step, shown, onOpen, onPick, onPass }: HeatMapProps) {
  const grid = useMemo(() => gridOf(run), [run]);
  const start = useMemo(() => cellOf(grid, run.data.stages.place[shown] ?? 0), [grid, run, shown]);
  const { cell, told, table } = useGrid(grid, (place) => stageAt(run, step, place), { start, onOpen, onPick });
  const line = told ?? (shown >= 0 ? shown : undefined);
  return (
    <section class="card heat" aria-labelledby="heat">
      <h2 id="heat">Stages × layers, {stepName(step)}</h2>
      <Passes run={run} pass={pass} onPass={onPass} />
      <Steps run={run} pass={pass} step={step} onStep={(to) => onPick(atStep(run, shown, to))} />
      <StageTable
        run={run}
        grid={grid}
        table={{ ...table, 'aria-labelledby': 'heat', 'aria-describedby': 'heat-keys' }}
        label="Heat map, scrolls sideways"
        cell={(place, row, column) => (
          <HeatCell
            key={run.layers[column] ?? 'model'}
            run={run}
            pass={pass}
            at={place === undefined ? undefined : stageAt(run, step, place)}
            place={`${row}/${column}`}
            isShown={place !== undefined && stageAt(run, step, place) === shown}
            isNext={row === cell.row && column === cell.column}
          />
        )}
      />
      <p class="told" aria-hidden="true">
        {line === undefined ? ' ' : cellText(run, line, pass)}
      </p>
      <Legend run={run} pass={pass} step={step} />
      <p class="quiet screen" id="heat-keys">
        Arrow keys move, Enter opens a stage, Escape comes back.
      </p>
    </section>
  );
}

/** Where a place stands. */
function cellOf(grid: ReturnType<typeof gridOf>, place: number): Cell {
  const row = Math.max(
    0,
    grid.findIndex(({ places }) => places.includes(place)),
  );
  return { row, column: Math.max(0, grid[row]?.places.indexOf(place) ?? 0) };
}

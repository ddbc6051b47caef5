import { useMemo, useState } from 'preact/hooks';
import type { Run } from '../model.js';
import { type Across, type RunStage, type RunsGrid, runsGridOf } from '../runs-grid.js';
import type { Cell } from '../state.js';
import { VERDICTS } from '../states.js';
import { cellWidth } from './cell-width.js';
import { useGrid } from './grid.js';
import { cellText, HeatCell } from './heat-cell.js';
import { Scroll } from './scroll.js';

interface RunMapProps {
  readonly runs: readonly Run[];
  readonly shown: RunStage;
  readonly onShow: (run: number, stage: number) => void;
}

const ACROSS = ['layers', 'stages'] as const satisfies readonly Across[];

/** All runs at once: where in the model which of them is the furthest from its reference. */
export function RunMap({ runs, shown, onShow }: RunMapProps) {
  const [across, setAcross] = useState<Across>('layers');
  const { columns, rows, items } = useMemo(() => runsGridOf(runs, across), [runs, across]);
  const show = (item: number) => {
    const there = items[item];
    if (there) onShow(there.run, there.stage);
  };
  const start = useMemo(() => firstOf(rows), [rows]);
  const { cell, told, table } = useGrid(rows, (place) => place, { start, onOpen: show, onPick: show });
  if (items.length === 0) return null;
  return (
    <section class="card run-map" aria-labelledby="run-map">
      <h2 id="run-map">Runs × {across}</h2>
      <fieldset class="switch screen">
        <legend>Across</legend>
        {ACROSS.map((one) => (
          <label key={one}>
            <input type="radio" name="across" value={one} checked={across === one} onChange={() => setAcross(one)} />
            <span>{one}</span>
          </label>
        ))}
      </fieldset>
      <Scroll label="Map of all runs, scrolls" isTall class="map">
        <table
          {...table}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table that keys move in is a grid
          role="grid"
          aria-labelledby="run-map"
          aria-describedby="run-map-keys"
          style={{ '--cell': `${cellWidth(columns.length)}px` }}
        >
          <thead>
            <tr>
              <th scope="col">run</th>
              {columns.map((name) => (
                <th scope="col" key={name} class={across === 'stages' ? 'upright' : ''}>
                  {across === 'layers' && name !== 'model' && <span class="hidden">layer </span>}
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, places }, row) => {
              const run = runs[row] as Run;
              return (
                <tr key={name}>
                  <th scope="row">
                    <i class={`sign verdict-${run.data.verdict}`} aria-hidden="true">
                      {VERDICTS[run.data.verdict].glyph}
                    </i>
                    {name}
                  </th>
                  {places.map((place, column) => {
                    const at = place === undefined ? undefined : items[place]?.stage;
                    return (
                      <HeatCell
                        key={columns[column]}
                        run={run}
                        pass="free"
                        at={at}
                        place={`${row}/${column}`}
                        isShown={row === shown.run && at === shown.stage}
                        isNext={row === cell.row && column === cell.column}
                      />
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      <p class="told" aria-hidden="true">
        {told === undefined ? ' ' : toldOf(runs, items[told])}
      </p>
      <p class="quiet" id="run-map-keys">
        In each cell the stage that is the worst there, at whichever step, as it ran.
        <span class="screen"> Arrow keys move, Enter opens it.</span>
      </p>
    </section>
  );
}

/** The first cell that stands for something. */
function firstOf(rows: RunsGrid['rows']): Cell {
  const isThere = (place: number | undefined) => place !== undefined;
  const row = Math.max(
    0,
    rows.findIndex(({ places }) => places.some(isThere)),
  );
  return { row, column: Math.max(0, rows[row]?.places.findIndex(isThere) ?? 0) };
}

function toldOf(runs: readonly Run[], item: RunStage | undefined): string {
  const run = item && runs[item.run];
  return run ? `${run.data.name}: ${cellText(run, item.stage, 'free')}` : '';
}

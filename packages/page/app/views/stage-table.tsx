import type { ComponentChildren, TableHTMLAttributes } from 'preact';
import type { Run } from '../model.js';
import type { GridRow } from '../state.js';
import { cellWidth } from './cell-width.js';
import { Scroll } from './scroll.js';

interface StageTableProps {
  readonly run: Run;
  readonly grid: readonly GridRow[];
  /** What the grid's keys and pointer need, and its names. */
  readonly table: TableHTMLAttributes<HTMLTableElement>;
  /** Of the box that scrolls. */
  readonly label: string;
  readonly cell: (place: number | undefined, row: number, column: number) => ComponentChildren;
}

/** Stages go down in evaluation order, layers to the right. */
export function StageTable({ run, grid, table, label, cell }: StageTableProps) {
  return (
    <Scroll label={label} class="map">
      <table
        {...table}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table that keys move in is a grid
        role="grid"
        style={{ '--cell': `${cellWidth(run.layers.length)}px`, '--layers': Math.max(1, run.layers.length) }}
      >
        <thead>
          <tr>
            <th scope="col">
              stage <span class="axis">of layer →</span>
            </th>
            {run.layers.map((layer) => (
              <th scope="col" key={layer}>
                <span class="hidden">layer </span>
                {layer}
              </th>
            ))}
            {run.layers.length === 0 && (
              <th scope="col">
                <span class="hidden">model</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {grid.map(({ name, places, isWide }, row) => (
            <tr key={`${name}${isWide}`} class={isWide ? 'wide' : ''}>
              <th scope="row">{name}</th>
              {places.map((place, column) => cell(place, row, column))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

import { useEffect, useRef, useState } from 'preact/hooks';
import { type Cell, type GridRow, moved } from '../state.js';

interface GridUse {
  /** Where the tab key goes at first, and again whenever that is another cell. */
  readonly start: Cell;
  /** Goes to what a cell stands for. */
  readonly onOpen: (item: number) => void;
  /** Shows it, and stays. */
  readonly onPick: (item: number) => void;
}

/**
 * A table of cells that arrow keys move in. A cell has `data-cell` as `row/column`, and stands for what `at` says.
 *
 * @param at what the place of a cell stands for now; undefined for nothing
 */
export function useGrid(
  grid: readonly GridRow[],
  at: (place: number) => number | undefined,
  { start, onOpen, onPick }: GridUse,
) {
  const ref = useRef<HTMLTableElement>(null);
  const [cell, setCell] = useState(start);
  const [told, setTold] = useState<number>();
  useEffect(() => setCell(start), [start]);
  const itemAt = ({ row, column }: Cell) => {
    const place = grid[row]?.places[column];
    return place === undefined ? undefined : at(place);
  };
  const itemOf = (target: EventTarget | null) => {
    const there = cellAt(target);
    return there && itemAt(there);
  };
  return {
    cell,
    /** What the pointer or the focus is on. */
    told,
    table: {
      ref,
      onKeyDown: (event: KeyboardEvent) => {
        const from = cellAt(event.target) ?? cell;
        const next = moved(grid, from, event.key);
        const item = itemAt(from);
        if (next) {
          setCell(next);
          ref.current?.querySelector<HTMLElement>(`[data-cell="${next.row}/${next.column}"]`)?.focus();
        } else if ((event.key === 'Enter' || event.key === ' ') && item !== undefined) onOpen(item);
        else return;
        event.preventDefault();
      },
      onClick: ({ target }: MouseEvent) => {
        const clicked = cellAt(target);
        const item = itemOf(target);
        if (clicked && item !== undefined) {
          setCell(clicked);
          onPick(item);
        }
      },
      onFocusIn: ({ target }: FocusEvent) => setTold(itemOf(target)),
      onPointerOver: ({ target }: PointerEvent) => setTold(itemOf(target)),
      onPointerLeave: () => setTold(undefined),
    },
  };
}

function cellAt(target: EventTarget | null): Cell | undefined {
  const element = target instanceof Element ? target.closest<HTMLElement>('[data-cell]') : null;
  const [row, column] = element?.dataset.cell?.split('/').map(Number) ?? [];
  return row === undefined || column === undefined ? undefined : { row, column };
}

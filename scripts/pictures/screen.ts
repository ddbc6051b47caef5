import xterm, { type IBufferCell } from '@xterm/headless';
import { BACKGROUND, color, FOREGROUND } from './colors.js';

/** Characters that look the same, side by side. */
export interface Run {
  readonly column: number;
  readonly columns: number;
  readonly text: string;
  readonly look: Look;
}

export interface Look {
  /** #rrggbb */
  readonly ink: string;
  /** #rrggbb; null for the terminal's own. */
  readonly paper: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
}

export interface Screen {
  readonly columns: number;
  readonly rows: readonly (readonly Run[])[];
}

/** What a terminal makes of escape sequences. */
export async function readScreen(text: string, { columns, rows }: { columns: number; rows: number }): Promise<Screen> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  await new Promise<void>((resolve) => terminal.write(text.replace(/\n$/, ''), resolve));
  const buffer = terminal.buffer.active;
  return { columns, rows: Array.from({ length: rows }, (_, y) => runsOf(cellsOf(y))) };

  function cellsOf(y: number): { text: string; look: Look }[] {
    const line = buffer.getLine(buffer.baseY + y);
    return Array.from({ length: columns }, (_, x) => {
      const cell = line?.getCell(x);
      return { text: cell?.getChars() || ' ', look: lookOf(cell) };
    });
  }
}

function lookOf(cell: IBufferCell | undefined): Look {
  if (!cell) return { ink: FOREGROUND, paper: null, bold: false, dim: false };
  const ink = cell.isFgDefault() ? FOREGROUND : color(cell.getFgColor(), cell.isFgRGB());
  const paper = cell.isBgDefault() ? null : color(cell.getBgColor(), cell.isBgRGB());
  const plain = { bold: cell.isBold() !== 0, dim: cell.isDim() !== 0 };
  return cell.isInverse() ? { ink: paper ?? BACKGROUND, paper: ink, ...plain } : { ink, paper, ...plain };
}

function runsOf(cells: readonly { text: string; look: Look }[]): Run[] {
  const runs: Run[] = [];
  cells.forEach(({ text, look }, column) => {
    const last = runs.at(-1);
    if (last && same(last.look, look))
      runs[runs.length - 1] = { ...last, columns: last.columns + 1, text: last.text + text };
    else runs.push({ column, columns: 1, text, look });
  });
  return runs;
}

const same = (a: Look, b: Look): boolean =>
  a.ink === b.ink && a.paper === b.paper && a.bold === b.bold && a.dim === b.dim;

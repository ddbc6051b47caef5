import { EventEmitter } from 'node:events';
import type { Line } from './line.js';
import type { Paint } from './paint.js';

const BEGIN = '\x1b[?2026h'; // terminals that know it show the whole picture at once
const END = '\x1b[?2026l';

/** Private characters stand for whole lines, which take their place when a picture is written. */
const FIRST_MARK = 0xe000;

/**
 * What Ink takes for its terminal, one column wide: it is given a mark for each line, and writes the lines that are not there already. Ink
 * itself would take every line apart into styled characters, and clear the terminal, with everything that was on it before, for every
 * picture that fills it.
 */
export class Frame extends EventEmitter {
  /** Ink would otherwise hide and show the cursor, and take Ctrl-C for itself. */
  readonly isTTY = false;
  readonly columns = 1;
  private shown: readonly string[] = [];
  private lines: readonly Line[] = [];
  private isPaused = false;

  constructor(
    private readonly terminal: NodeJS.WriteStream,
    private readonly paint: Paint,
  ) {
    super();
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.terminal.columns || 80, rows: this.terminal.rows || 24 };
  }

  /** Lines that are to be shown. @returns a picture of them, with a mark for each */
  marksFor(lines: readonly Line[]): string {
    this.lines = lines;
    return lines.map((_, i) => String.fromCharCode(FIRST_MARK + i)).join('\n');
  }

  /** @param picture all lines of the screen, as marks */
  write(picture: string): boolean {
    if (this.isPaused) return true;
    const lines = picture
      .split('\n')
      .slice(0, this.size.rows)
      .map((mark) => this.paint(this.lines[mark.charCodeAt(0) - FIRST_MARK] ?? []));
    let changes = '';
    for (let i = 0; i < Math.max(lines.length, this.shown.length); i++) {
      if (lines[i] !== this.shown[i]) changes += `\x1b[${i + 1};1H${lines[i] ?? ''}\x1b[0m\x1b[K`;
    }
    this.shown = lines;
    return changes === '' || this.terminal.write(BEGIN + changes + END);
  }

  /** Draws nothing while another process has the terminal. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** Everything is drawn again with the next picture. */
  forget(): void {
    if (this.isPaused) return;
    this.shown = [];
    this.terminal.write('\x1b[2J');
  }
}

import { EventEmitter } from 'node:events';
import type { Line } from './line.js';
import type { Paint } from './paint.js';

const BEGIN = '\x1b[?2026h'; // terminals that know it show the whole picture at once
const END = '\x1b[?2026l';

/** Private characters stand for whole lines, which take their place when a picture is written. */
const FIRST_MARK = 0xe000;
const MARKS_EACH = 512; // more than a terminal has rows
const BLOCKS = 12;
const MARKED = /([\ue000-\uf8ff]) */g;

/**
 * What Ink takes for its terminal: it is given whole pictures, and passes on the lines that are not there already. Ink itself would clear
 * the terminal, with everything that was on it before, for every picture that fills it.
 */
export class Frame extends EventEmitter {
  /** Ink would otherwise hide and show the cursor, and take Ctrl-C for itself. */
  readonly isTTY = false;
  private shown: readonly string[] = [];
  private readonly painted = new Map<string, string>();
  private blocks = 0;
  private isPaused = false;

  constructor(
    private readonly terminal: NodeJS.WriteStream,
    private readonly paint: Paint,
  ) {
    super();
  }

  get columns(): number {
    return this.terminal.columns || 80;
  }

  get rows(): number {
    return this.terminal.rows || 24;
  }

  /** @returns the first of the marks that a component may use for as long as it is shown */
  reserve(): number {
    return FIRST_MARK + (this.blocks++ % BLOCKS) * MARKS_EACH;
  }

  /** A line that is to be shown where its mark is. @returns the mark */
  mark(number: number, line: Line): string {
    const mark = String.fromCharCode(number);
    this.painted.set(mark, this.paint(line));
    return mark;
  }

  /** @param picture all lines of the screen, as marks */
  write(picture: string): boolean {
    if (this.isPaused) return true;
    const lines = picture
      .split('\n')
      .slice(0, this.rows)
      .map((line) => line.replace(MARKED, (_, mark: string) => this.painted.get(mark) ?? ''));
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

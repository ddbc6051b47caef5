import type { Progress } from '@llama-probe/comparison/ask';
import { tame } from '@llama-probe/report/tame';

const QUIET_FOR = 1000; // ms before a pipe is told of a phase; a terminal is told at once
const REDRAW_EVERY = 80; // ms

/** Says on stderr what is going on: one line that changes on a terminal, a line per long phase elsewhere. */
export class StderrProgress implements Progress {
  private timer: NodeJS.Timeout | undefined;
  private shown = '';
  private drawn = 0;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  /** What is being done, or waited for. @example progress.say('uploading weights: 40 %') */
  readonly say = (raw: string): void => {
    const message = tame(raw);
    if (this.stream.isTTY) {
      const now = performance.now();
      if (now - this.drawn < REDRAW_EVERY && phase(message) === phase(this.shown)) return;
      this.drawn = now;
      this.shown = message;
      this.stream.write(`\r\x1b[2K${message.slice(0, (this.stream.columns || 80) - 1)}`);
    } else if (phase(message) !== phase(this.shown)) {
      this.shown = message;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.stream.write(`${message} …\n`), QUIET_FOR);
      this.timer.unref();
    }
  };

  /** Clears the line. Call it before anything else is printed. */
  readonly done = (): void => {
    clearTimeout(this.timer);
    if (this.stream.isTTY && this.shown) this.stream.write('\r\x1b[2K');
    this.shown = '';
  };
}

/** A message without its numbers: two messages of one phase differ only in those. */
const phase = (message: string): string => message.replace(/\d+/g, '');

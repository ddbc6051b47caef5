const EVERY = 10_000; // milliseconds between two lines, where a line cannot be written over

/** Shows how far something is: on a terminal in one line that is written over, elsewhere now and then in a new one. */
export class Progress {
  private last = Date.now();
  private isOpen = false;

  constructor(private readonly out: NodeJS.WriteStream = process.stderr) {}

  show(text: string): void {
    if (this.out.isTTY) {
      this.out.write(`\r\x1b[2K    ${text.slice(0, (this.out.columns ?? 80) - 5)}`);
      this.isOpen = true;
    } else if (Date.now() - this.last >= EVERY) {
      this.out.write(`    … ${text}\n`);
      this.last = Date.now();
    }
  }

  /** Nothing of it is left on a terminal. */
  end(): void {
    if (this.isOpen) this.out.write('\r\x1b[2K');
    this.isOpen = false;
    this.last = Date.now();
  }
}

const MOST_LINES = 1000; // a piece of the vocabulary may be the end of a line
const MOST = 1 << 20;

/** Takes the token ids out of what `llama-debug` prints of its prompt: `Token ids (2):`, and then each piece with its id, as in `<s>(1) Hello(15043) `. */
export class TokenLines {
  private count: number | undefined;
  private lines = 0;
  private found: number[] = [];

  add(line: string): void {
    const announced = /\bToken ids \((\d{1,7})\):$/.exec(line)?.[1];
    if (announced !== undefined) {
      [this.count, this.lines, this.found] = [Math.min(Number(announced), MOST), 0, []];
      return;
    }
    if (this.count === undefined || this.found.length >= this.count || this.lines >= MOST_LINES) return;
    this.lines++;
    for (const [, id] of line.matchAll(/\((\d{1,7})\)(?= |$)/g)) this.found.push(Number(id));
  }

  /** undefined where it has none, or where a piece looks like an id. */
  result(): number[] | undefined {
    return this.count !== undefined && this.count > 0 && this.found.length === this.count ? this.found : undefined;
  }
}

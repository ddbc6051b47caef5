/** Says how far a row of equal things is, and how long it takes to its end. */
export class TimeLeft {
  private readonly begin = performance.now();

  /** @param work how much each of them is, such as tokens */
  constructor(private readonly work: readonly number[]) {}

  /** @example left.text(12) === ', about 3 min left' @param done how many of them */
  text(done: number): string {
    if (done === 0) return '';
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    const passed = performance.now() - this.begin;
    const seconds = Math.round((passed / 1000) * (sum(this.work.slice(done)) / sum(this.work.slice(0, done))));
    return seconds < 90 ? `, about ${seconds} s left` : `, about ${Math.round(seconds / 60)} min left`;
  }
}

/** The shortest of several runs, in seconds: what the machine can do when nothing disturbs it. */
export async function best(runs: number, action: () => Promise<unknown> | unknown): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const begin = performance.now();
    await action();
    shortest = Math.min(shortest, performance.now() - begin);
  }
  return shortest / 1000;
}

/** One line of a result: what was measured, and what it is a ratio to. */
export interface Line {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** value / `of`, where there is something to compare with. */
  readonly ratio?: number;
  readonly of?: string;
  /** What the ratio should reach: `>=0.45` or `<=1.15`. */
  readonly target?: string;
}

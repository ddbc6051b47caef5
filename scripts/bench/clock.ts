/** The shortest of several runs, in seconds: what the machine can do when nothing disturbs it. */
export async function best(runs: number, action: () => Promise<unknown> | unknown): Promise<number> {
  const [shortest] = await bestOfEach(runs, [action]);
  return shortest as number;
}

/** `best` of several actions that take turns: what slows the machine for a while slows them all, and their ratio stays. */
export async function bestOfEach(
  runs: number,
  actions: ReadonlyArray<() => Promise<unknown> | unknown>,
): Promise<number[]> {
  const shortest = actions.map(() => Number.POSITIVE_INFINITY);
  for (let run = 0; run < runs; run++) {
    for (const [i, action] of actions.entries()) {
      const begin = performance.now();
      await action();
      shortest[i] = Math.min(shortest[i] as number, performance.now() - begin);
    }
  }
  return shortest.map((milliseconds) => milliseconds / 1000);
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

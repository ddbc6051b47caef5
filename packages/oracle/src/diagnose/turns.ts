/** How a diagnosis gets along with the program around it. */
export interface TurnOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly yield?: () => Promise<void>;
}

const MOST_MS = 20; // without letting the event loop go on

/** Takes turns with the rest of the program: progress is shown, and Ctrl-C works. */
export class Turns {
  private done = 0;
  private since = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: TurnOptions,
    private readonly budgetMs: number,
    private total: number,
  ) {}

  /** Between two computations. @throws the signal's reason when it has aborted */
  async pause(): Promise<void> {
    this.options.signal?.throwIfAborted();
    if (performance.now() - this.since < MOST_MS) return;
    await (this.options.yield ?? nextTurn)();
    this.options.signal?.throwIfAborted();
    this.since = performance.now();
  }

  expect(more: number): void {
    this.total += more;
  }

  finish(count = 1): void {
    this.done += count;
    this.options.onProgress?.(this.done, this.total);
  }

  /** Tells, from now on, whether this share of the time for further tries is over. */
  budget(share: number): () => boolean {
    const end = performance.now() + share * this.budgetMs;
    return () => performance.now() > end;
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

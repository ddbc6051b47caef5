import type { Side } from './side.js';

/** What the time of a comparison goes into. @see PARTS for their order */
export type Part = (typeof PARTS)[number];

/**
 * In the order in which they are told: opening files, models and processes, and reading recorded runs; weights on their way to the adapter; waiting
 * for the candidate's runs; for llama.cpp's; for those that measure floors; computing with the values of both sides; naming the bug; writing dumps;
 * the rest.
 */
export const PARTS = [
  'loading',
  'upload',
  'engine',
  'llama',
  'floors',
  'diff',
  'diagnosis',
  'writing',
  'other',
] as const;

/** Milliseconds; a part that there was none of is not there. They add up to the total. */
export type PartTimes = Partial<Record<Part, number>>;

/**
 * Says where the time went: every moment, by the wall clock, is of one part. Where several go on at once, or one in another, it is of the one that
 * began last: what llama.cpp computes while the engine is waited for is the engine's, since nobody waits for llama.cpp then.
 *
 * @example
 * const clock = new Clock();
 * const engine = await clock.during('loading', () => openEngine({ model }));
 * clock.read(); // { parts: { loading: 812.3, other: 0.2 }, total: 812.5 }
 */
export class Clock {
  private readonly begun: { readonly part: Part; readonly isWhole: boolean }[] = [];
  private readonly spent = new Map<Part, number>();
  private readonly begin = performance.now();
  private since = this.begin;

  /** @param isWhole whether what goes on within it, whatever part that is of, is of this one too */
  during<T>(part: Part, work: () => T, isWhole = false): T {
    const end = this.start(part, isWhole);
    let made: T;
    try {
      made = work();
    } catch (error) {
      end();
      throw error;
    }
    if (made instanceof Promise) return made.finally(end) as T;
    end();
    return made;
  }

  /** The same items; that one is waited for is of this part. */
  async *stream<T>(part: Part, items: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = items[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value, done } = await this.during(part, () => iterator.next());
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  /** What a report has of it: since it began. */
  timings(): PartTimes & { total: number } {
    const { parts, total } = this.read();
    return { total, ...parts };
  }

  /** @param from an earlier reading, of which it is the rest */
  read(from?: { readonly parts: PartTimes; readonly total: number }): { parts: PartTimes; total: number } {
    this.tick();
    const parts = PARTS.flatMap((part) => {
      const spent = this.spent.get(part);
      return spent === undefined ? [] : [[part, spent - (from?.parts[part] ?? 0)] as const];
    }).filter(([, spent]) => spent > 0);
    return { parts: Object.fromEntries(parts), total: this.since - this.begin - (from?.total ?? 0) };
  }

  /** Begins a part, for whoever cannot be handed to `during`. @returns what ends it */
  start(part: Part, isWhole = false): () => void {
    this.tick();
    const one = { part, isWhole };
    this.begun.push(one);
    return () => {
      this.tick();
      this.begun.splice(this.begun.indexOf(one), 1);
    };
  }

  private tick(): void {
    const now = performance.now();
    const { part } = this.begun.find(({ isWhole }) => isWhole) ?? this.begun.at(-1) ?? { part: 'other' };
    this.spent.set(part, (this.spent.get(part) ?? 0) + now - this.since);
    this.since = now;
  }
}

/** A side whose runs are waited for on a clock: those of one that is over are loading. @param part whose they are while it runs */
export function onClock(side: Side, part: Part, clock: Clock): Side {
  const { recorded, floor } = side;
  return {
    ...side,
    get memory() {
      return side.memory;
    },
    ...(recorded && {
      recorded: { ...recorded, promptLength: () => clock.during('loading', () => recorded.promptLength()) },
    }),
    run(plan) {
      const { tensors, result } = side.run(plan);
      return { tensors: clock.stream(recorded ? 'loading' : part, tensors), result };
    },
    ...(floor && {
      async floor(run, signal) {
        const source = await clock.during('floors', () => floor(run, signal));
        if (source.kind !== 'measured') return source;
        const open: typeof source.open = async (say) => {
          const beside = await clock.during('floors', () => source.open(say));
          return { ...beside, tensors: clock.stream('floors', beside.tensors) };
        };
        return { ...source, open };
      },
    }),
  };
}

import type { OpenedAdapter } from '@llama-probe/engine/internal';

/** What a part of the check found. `untold`: it could not be looked at; `measured`: there is no right or wrong of it. */
export interface Found {
  readonly verdict: 'right' | 'wrong' | 'untold' | 'measured';
  /** The one line that it ends with. */
  readonly line: string;
  /** What is wrong, one thing each: the kernel or the architecture by its name. */
  readonly wrong: readonly string[];
  /** For the JSON file. */
  readonly numbers: Readonly<Record<string, unknown>>;
}

/** What a part of the check is given. */
export interface Given {
  readonly opened: Reopened;
  readonly random: () => number;
  /** When to come to an end, in milliseconds as of Date.now(). */
  readonly until: number;
  /** The folder of the pack. */
  readonly pack: string;
  /** A folder for files that are gone afterwards. */
  readonly scratch: string;
  say(progress: string): void;
}

export interface Section {
  readonly name: string;
  /** What it does, in a line. */
  readonly does: string;
  /** When it has to end at the latest, in seconds after the start of all. */
  readonly seconds: number;
  /** Mesa compiles faster, and slower code: for what is run once. */
  readonly isCompiledFast: boolean;
  run(given: Given): Promise<Found>;
}

/** An adapter that is opened again where an error made it useless: one kernel that does not compile must not hide the others. */
export class Reopened {
  private constructor(
    private readonly open: () => Promise<OpenedAdapter>,
    private opened: OpenedAdapter,
  ) {}

  static async with(open: () => Promise<OpenedAdapter>): Promise<Reopened> {
    return new Reopened(open, await open());
  }

  get now(): OpenedAdapter {
    return this.opened;
  }

  /** @returns what went wrong, of the action or on the device, or undefined */
  async try(action: (opened: OpenedAdapter) => Promise<string | undefined>): Promise<string | undefined> {
    try {
      const problem = await action(this.opened);
      this.opened.check();
      return problem;
    } catch (error) {
      this.opened.close();
      this.opened = await this.open();
      return inOneLine(error);
    }
  }
}

/** What Dawn says of a kernel, without where it was called. */
export const inOneLine = (error: unknown): string =>
  (error as Error).message
    .split('- While ')[0]
    ?.replaceAll(/[\s^]+/g, ' ')
    .trim() ?? '';

/** @example counted(1, 'kernel') // '1 kernel' */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

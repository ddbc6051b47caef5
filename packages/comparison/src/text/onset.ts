import type { ChunkRun } from './chunks.js';

/** Where a divergence begins. */
export interface Onset {
  readonly window: number;
  /** How many tokens of the window it takes, the fewest. */
  readonly tokens: number;
  /** The first position that is over the limit then. */
  readonly position: number;
  /** How many prefixes were run to tell. */
  readonly runs: number;
  /** The same tokens in chunks of other sizes, where chunks can be set and the prompt, or the whole window, was cut. */
  readonly chunks?:
    | {
        /** How many tokens were taken at once where it was found. */
        readonly used: number;
        /** That run, and the further ones, the smallest chunks first. */
        readonly sizes: readonly ChunkRun[];
      }
    | undefined;
}

/** @returns the first position over the limit when so many tokens are run, or undefined */
export type Probe = (tokens: number) => Promise<number | undefined>;

/**
 * The shortest prefix that diverges, by bisection.
 *
 * Where an engine looks at what is before a position only, the first wrong position of a long prefix is where it begins; so that is tried first, and
 * confirmed by one token less. A bug that depends on how many tokens there are, or on one that comes later, is found by halves. That a longer prefix
 * diverges where a shorter one does is taken for granted.
 *
 * @param all how many tokens the window has, which diverge
 * @param first the first position that is over the limit then
 */
export async function onsetOf(window: number, all: number, first: number, probe: Probe): Promise<Onset> {
  let [agrees, diverges, position, runs] = [0, all, first, 0];
  let guess: number | undefined = first + 1;
  while (diverges - agrees > 1) {
    const half = Math.ceil((agrees + diverges) / 2);
    const confirms: boolean = guess === diverges;
    const hinted: number | undefined = confirms ? diverges - 1 : guess;
    const length: number = hinted !== undefined && hinted > agrees && hinted < diverges ? hinted : half;
    runs++;
    const found = await probe(length);
    if (found === undefined) agrees = length;
    else [diverges, position] = [length, found];
    guess = found === undefined || (confirms && found + 1 === length) ? undefined : found + 1; // the last one is wrong, however many there are
  }
  return { window, tokens: diverges, position, runs };
}

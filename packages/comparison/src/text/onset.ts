/** Where a divergence begins. */
export interface Onset {
  readonly window: number;
  /** How many tokens of the window it takes, the fewest; null where no beginning of it diverges by itself. */
  readonly tokens: number | null;
  /** The first position that is over the limit then. */
  readonly position: number | null;
  /** How many prefixes were run to tell. */
  readonly runs: number;
}

/** @returns the first position over the limit when so many tokens are run, or undefined */
export type Probe = (tokens: number) => Promise<number | undefined>;

/**
 * The shortest prefix that diverges, by bisection.
 *
 * Where an engine looks at what is before a position only, the first wrong position of a long prefix is where it begins; so that is tried first, and
 * confirmed by one token less. A bug that depends on how many tokens there are is found by halves. That a longer prefix diverges where a shorter one does is taken for granted.
 *
 * @param most a length to begin with
 */
export async function onsetOf(window: number, most: number, probe: Probe): Promise<Onset> {
  let runs = 0;
  const run = (tokens: number) => {
    runs++;
    return probe(tokens);
  };
  let position = await run(most);
  if (position === undefined) return { window, tokens: null, position: null, runs };
  let [agrees, diverges] = [0, most];
  let guess: number | undefined = position + 1;
  while (diverges - agrees > 1) {
    const hinted =
      guess !== undefined && guess > agrees && guess < diverges ? guess : Math.ceil((agrees + diverges) / 2);
    const length = guess === diverges ? diverges - 1 : hinted;
    const found = await run(length);
    if (found === undefined) {
      agrees = length;
      guess = undefined;
    } else {
      diverges = length;
      position = found;
      guess = found + 1;
    }
  }
  return { window, tokens: diverges, position, runs };
}

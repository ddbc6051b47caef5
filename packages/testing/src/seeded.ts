/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers from 0 to 1, and what makes them again. */
export interface Seeded {
  (): number;
  readonly seed: number;
}

/**
 * Fresh numbers at every run. The seed is printed: a run that failed is repeated with it.
 *
 * @example const random = seeded(); // SEED=123 npx vitest run packages/diff repeats what 123 has made
 */
export function seeded(): Seeded {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.info(`SEED=${seed}`);
  return Object.assign(randomFrom(seed), { seed });
}

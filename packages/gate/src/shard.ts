export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

const MOST = 1000;

/** @example parseShard('2/3') // { index: 2, count: 3 } */
export function parseShard(text: string): Shard | undefined {
  const [, index, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(text.trim())?.map(Number) ?? [];
  if (index === undefined || count === undefined || index < 1 || index > count || count > MOST) return undefined;
  return { index, count };
}

/**
 * The cases of a shard. They are dealt in turns, in the order of the configuration: neighbours are alike in cost, so shards are too, and
 * every job finds the same ones by itself.
 */
export const casesOfShard = <T>(cases: readonly T[], { index, count }: Shard): T[] =>
  cases.filter((_, i) => i % count === index - 1);

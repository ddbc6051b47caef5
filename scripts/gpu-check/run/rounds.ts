/** The first of each list, then the second of each, and so on: who has to stop has had something of all. */
export function rounds<T>(lists: ReadonlyArray<readonly T[]>): T[] {
  const longest = lists.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

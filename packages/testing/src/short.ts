/** Whether what takes long is run too: all of each table, and tests whose claim a shorter one makes as well. */
export const isLong = Boolean(process.env.LLAMA_PROBE_LONG);

/**
 * As many of a table's cases as a run of all tests has time for, spread over it; all of them where LLAMA_PROBE_LONG is set. For a table whose cases
 * differ in values only, and take one way through the code.
 *
 * @example inShort(['a', 'b', 'c', 'd', 'e'], 3) // ['a', 'c', 'e']
 */
export function inShort<T>(cases: readonly T[], count: number): readonly T[] {
  if (isLong || count >= cases.length) return cases;
  return Array.from(
    { length: count },
    (_, i) => cases[Math.round((i * (cases.length - 1)) / Math.max(1, count - 1))] as T,
  );
}

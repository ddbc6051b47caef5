/** @example short(1.23e-7) === '1.2e-7' */
export const short = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

/** @example ranges([0, 1, 2, 5]) === '0 to 2, 5' */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}

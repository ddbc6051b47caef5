/** Ascending numbers, those that follow each other as an inclusive range. @example rangesOf([1, 2, 3, 7]) // [[1, 3], [7, 7]] */
export function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

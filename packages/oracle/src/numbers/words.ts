import { rangesOf } from '@llama-probe/dump/stage';

/** @example and(['a', 'b', 'c']) // 'a, b and c' */
export const and = (items: readonly string[]): string =>
  items.length < 2 ? items.join() : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** Ascending numbers, those that follow each other as a range. @example inRanges([1, 2, 3, 7]) // '1 to 3 and 7' */
export function inRanges(numbers: readonly number[]): string {
  return and(
    rangesOf(numbers).flatMap(([from, to]) =>
      from === to ? [`${from}`] : to === from + 1 ? [`${from}`, `${to}`] : [`${from} to ${to}`],
    ),
  );
}

/** @example counted('head', [3, 4]) // 'heads 3 and 4' */
export const counted = (unit: string, numbers: readonly number[]): string =>
  `${unit}${numbers.length === 1 ? '' : 's'} ${inRanges(numbers)}`;

/** With seven digits. */
export const digits = (value: number): string => String(Number(value.toPrecision(7)));

/** How a delta becomes one byte: 0, a level of 1 to 252 on a logarithmic scale, or one of the two that are no numbers. */
export const ZERO = 0;
export const LEVELS = 252;
export const INFINITE = 254;
export const NOT_A_NUMBER = 255;

/** log10 of the delta at level 1. */
export const LOWEST = -9;
export const PER_DECADE = 18;

/** The delta at a level. @example deltaAt(163) === 1 */
export function deltaAt(level: number): number {
  if (level === ZERO) return 0;
  if (level === INFINITE) return Number.POSITIVE_INFINITY;
  if (level === NOT_A_NUMBER) return Number.NaN;
  return 10 ** ((level - 1) / PER_DECADE + LOWEST);
}

/** A logarithmic axis over some deltas: whole decades, and a place at its lower end for zero. */
export interface DeltaScale {
  readonly domain: readonly [number, number];
  /** The value where it can be drawn: what is not finite at the upper end. */
  at(value: number): number;
}

/** @example const scale = deltaScale([0, 1e-7, 3e-5]); scale.domain // [1e-8, 1e-4] */
export function deltaScale(values: readonly number[]): DeltaScale {
  const drawn = values.filter((value) => value > 0 && Number.isFinite(value));
  const least = drawn.length === 0 ? 1e-8 : Math.min(...drawn);
  const most = drawn.length === 0 ? 1 : Math.max(...drawn);
  const low = 10 ** (Math.ceil(Math.log10(least) - 1e-9) - 1);
  const isOver = values.some((value) => !Number.isFinite(value)); // it stands apart from what is a number
  const high = 10 ** (Math.floor(Math.log10(most) + 1e-9) + (isOver ? 2 : 1));
  return {
    domain: [low, high],
    at: (value) => (Number.isFinite(value) ? Math.max(value, low) : high),
  };
}

/** Ticks at so many decades that they do not touch. @example decades([1e-8, 1e2], 6) // [1e-8, 1e-6, …, 1e2] */
export function decades([low, high]: readonly [number, number], most: number): number[] {
  const [from, to] = [Math.round(Math.log10(low)), Math.round(Math.log10(high))];
  const by = Math.max(1, Math.ceil((to - from) / most));
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => 10 ** (from + i * by));
}

/** @example power(1e-5) === '1e−5' */
export const power = (value: number): string => `1e${Math.round(Math.log10(value))}`.replace('-', '−');

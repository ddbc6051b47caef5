/** @example time(0.0123) // '12.3 ms' */
export const time = (seconds: number): string => {
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
};
export const percent = (share: number) => `${(100 * share).toPrecision(2)} %`;

/** @example giga(4.8e12) // '4.80 T' */
export function giga(value: number): string {
  const units = [' M', ' G', ' T'];
  const power = Math.min(2, Math.max(0, Math.floor(Math.log10(value) / 3) - 2));
  return `${(value / 1e6 / 1000 ** power).toPrecision(3)}${units[power]}`;
}

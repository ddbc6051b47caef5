/** @example short(1.23e-7) === '1.2e-7' */
export function short(value: number): string {
  if (value === 0) return '0';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value < 0 ? '−∞' : '∞';
  return value.toExponential(1).replace('e+', 'e').replace(/e0$/, '');
}

/** A fault's delta, which is −1 where it is no number. */
export const localText = (value: number): string => (value < 0 ? 'not finite' : short(value));

/** A limit as people write it. @example limitText(1e-5) === '1e-5' */
export function limitText(value: number): string {
  if (!Number.isFinite(value)) return short(value);
  const two = Number(value.toPrecision(2));
  return value < 1e-3 ? two.toExponential() : String(two);
}

/** A share of the limit. @example times(84123) === '84,000 ×' */
export function times(share: number): string {
  if (!Number.isFinite(share)) return short(share);
  if (share < 0.005) return '0 ×';
  if (share < 10) return `${share.toFixed(2)} ×`;
  const two = Number(share.toPrecision(2));
  return two < 1e7 ? `${two.toLocaleString('en')} ×` : `${short(share)} ×`;
}

/** A value of a tensor. */
export function valueText(value: number): string {
  if (!Number.isFinite(value)) return short(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(4).replace('e+', 'e');
  return value.toFixed(size < 10 ? 6 : 4);
}

/** @example ranges([0, 1, 2, 5]) === '0–2, 5' */
export function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

export const stepName = (step: number): string => (step === 0 ? 'prompt' : `step ${step}`);
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

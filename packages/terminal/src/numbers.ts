import { ofLimitOf, relOf, times } from '@llama-probe/report';

export { times };

/** @example short(1.23e-7) === '1.2e-7' */
export function short(value: number | null): string {
  if (value === null) return '';
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : '∞';
  return value.toExponential(1);
}

/** Stands in place of a number that there is not. */
export const NONE = '–';

/** A stage's relative delta: what cannot be compared has none. */
export const delta = (result: Parameters<typeof relOf>[0]): string => {
  const rel = relOf(result);
  return rel === null ? NONE : short(rel);
};

/** Its RMS delta, under the same conditions. */
export const rms = (result: Parameters<typeof relOf>[0] & { readonly rms: number }): string =>
  Number.isFinite(relOf(result) ?? Number.NaN) ? short(result.rms) : delta(result);

/** A stage's share of its limit. */
export const share = (result: Parameters<typeof ofLimitOf>[0]): string => {
  const of = ofLimitOf(result);
  return of === null ? NONE : times(of);
};

/** A limit; it is often a round number. @example limit(0.00001) === '1e-5' */
export const limit = (value: number): string =>
  (Number.isFinite(value) ? value.toExponential(1) : '∞').replace('.0e', 'e');

/** A value of a tensor. @example value(-0.015625) === '-1.56250e-2' */
export function value(number: number): string {
  if (number === 0) return Object.is(number, -0) ? '-0' : '0';
  if (!Number.isFinite(number)) return Number.isNaN(number) ? 'NaN' : number < 0 ? '-Inf' : 'Inf';
  const size = Math.abs(number);
  return size >= 1e-3 && size < 1e5 ? String(Number(number.toPrecision(7))) : number.toExponential(4);
}

/** @example seconds(1234) === '1.2 s' */
export const seconds = (ms: number): string =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;

import { type Precision, rounded } from '@llama-probe/dump/precision';
import type { Region } from './region.js';
import type { Kind } from './where.js';

/** How far two values that are the same may be apart, relatively: the rounding of f32, several times. */
const SAME = 1e-6;

/** One number in place of all wrong values, or of those of each row. */
export function constant({ rows }: Region): Kind | undefined {
  const values = rows.map(({ candidate, wrong }) => onlyValue(candidate, wrong));
  const known = values.filter((value) => value !== null);
  if (known.length === 0 || known.includes(undefined)) return undefined;
  const numbers = known as number[];
  const [from, to] = [Math.min(...numbers), Math.max(...numbers)];
  if (isSame(from, to)) return { kind: 'constant', value: from };
  return rows.every(({ wrong }) => wrong.filter(Boolean).length >= ENOUGH)
    ? { kind: 'constant-per-row', from, to }
    : undefined;
}

/** So many values must be one number for that to be no chance. */
const ENOUGH = 4;

/** The one number that all wrong values of a row are; null where none is wrong. */
function onlyValue(candidate: Float32Array, wrong: Uint8Array): number | undefined | null {
  const first = wrong.indexOf(1);
  if (first < 0) return null;
  const value = candidate[first] as number;
  return candidate.every((other, i) => !wrong[i] || isSame(other, value)) ? value : undefined;
}

/** Written so that NaN is never the same. */
const isSame = (a: number, b: number): boolean => Math.abs(a - b) <= SAME * Math.max(Math.abs(a), Math.abs(b));

/** Values that were too large, too small, or both, and are the largest that there may be. */
export function clipped({ rows }: Region, limit: number): Kind | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { candidate } of rows) {
    for (const value of candidate) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (!(low < high) || !Number.isFinite(low + high)) return undefined;
  const sides = { above: 0, below: 0 };
  for (const { candidate, reference, wrong } of rows) {
    for (let i = 0; i < wrong.length; i++) {
      const [value, right] = [candidate[i] as number, reference[i] as number];
      if (!wrong[i]) continue;
      if (isSame(value, high) && right > high) sides.above++;
      else if (isSame(value, low) && right < low) sides.below++;
      else return undefined;
    }
  }
  if (sides.above > 0 && sides.below > 0) {
    if (!isSame(low, -high)) return { kind: 'clipped', from: low, to: high };
    return { kind: 'clipped', from: -high, to: high };
  }
  const isMany = sides.above + sides.below >= MANY && limit < COARSE;
  if (!isMany) return undefined;
  return sides.above > 0 ? { kind: 'clipped', from: null, to: high } : { kind: 'clipped', from: low, to: null };
}

/** So many values are at the bound. */
const MANY = 8;

/** Above this limit values near the largest are the same as it. */
const COARSE = 1e-3;

/** All values of the wrong rows, right ones too, are of fewer bits, or whole numbers of steps; and they are the right ones, rounded. */
export function roundedTo(region: Region, limit: number): Kind | undefined {
  for (const format of ['bf16', 'f16'] as const)
    if (isRounded(region, format, limit)) return { kind: 'rounded', to: format, step: null };
  const step = stepOf(region);
  return step === undefined ? undefined : { kind: 'rounded', to: 'steps', step };
}

/** What rounding to a format makes a value off by at most, relatively. */
const UNIT: Readonly<Record<Exclude<Precision, 'f32'>, number>> = { bf16: 2 ** -8, f16: 2 ** -11 };

function isRounded({ rows }: Region, format: 'bf16' | 'f16', limit: number): boolean {
  return rows.every(({ candidate, reference, rms }) =>
    candidate.every((value, i) => {
      const right = reference[i] as number;
      return (
        rounded(value, format) === value &&
        Math.abs(value - right) <= 1.01 * UNIT[format] * Math.abs(right) + 8 * limit * rms
      );
    }),
  );
}

/** The step that every value is a whole number of: the smallest distance between two. Each is half a step from the right one at most. */
function stepOf({ rows }: Region): number | undefined {
  const values = new Set<number>();
  for (const { candidate } of rows) for (const value of candidate) values.add(value);
  if (values.size < MANY || values.size > MOST_STEPS) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const distances = sorted.slice(1).map((value, i) => value - (sorted[i] as number));
  const largest = Math.max(Math.abs(sorted[0] as number), Math.abs(sorted.at(-1) as number));
  const least = Math.min(...distances.filter((distance) => distance > 1e-6 * largest));
  // The largest value is the most whole steps, and tells them the most exactly.
  const step = largest / Math.round(largest / least);
  const isWhole = (value: number) => Math.abs(value - step * Math.round(value / step)) <= 1e-3 * step;
  if (!sorted.every(isWhole)) return undefined;
  let [count, total] = [0, 0];
  for (const { candidate, reference } of rows) {
    for (let i = 0; i < candidate.length; i++) {
      total++;
      if (Math.abs((candidate[i] as number) - (reference[i] as number)) <= 0.51 * step) count++;
    }
  }
  // Values of many right ones in each step: else any few numbers are whole steps.
  return count === total && total >= 2 * values.size ? step : undefined;
}

/** Steps of 8 bits are 256, and those of a row may differ. */
const MOST_STEPS = 1 << 12;

/** So many different rows may be too much at most. */
const MOST_FIXED = 16;

/** The right rows plus one of a few fixed rows, such as the bias of an expert: in each row as a whole, or in each of so many parts of it. */
export function fixedRows({ rows, width }: Region, limit: number): Kind | undefined {
  for (const parts of [1, 2, 4, 6, 8]) {
    const size = width / parts;
    if (!Number.isInteger(size) || size < MANY || rows.length * parts < 4) continue;
    const found: { readonly error: Float64Array; count: number }[] = [];
    let isFixed = true;
    for (const { candidate, reference, wrong, rms } of rows) {
      for (let start = 0; start < width && isFixed; start += size) {
        if (!wrong.subarray(start, start + size).includes(1)) continue;
        const error = Float64Array.from(
          { length: size },
          (_, i) => (candidate[start + i] as number) - (reference[start + i] as number),
        );
        const known = found.find((one) =>
          one.error.every((value, i) => Math.abs(value - (error[i] as number)) <= 4 * limit * (rms + Math.abs(value))),
        );
        if (known) known.count++;
        else if (found.length < MOST_FIXED) found.push({ error, count: 1 });
        else isFixed = false;
      }
    }
    const isLarge = found.every(({ error }) =>
      error.some((value) => Math.abs(value) > 100 * limit * (rows[0]?.rms ?? 1)),
    );
    if (isFixed && isLarge && found.length > 1 && found.every(({ count }) => count > 1))
      return { kind: 'plus-one-of', rows: found.length, parts };
  }
  return undefined;
}

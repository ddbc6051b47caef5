/** A format that a number may be rounded to. */
export type Precision = 'f32' | 'f16' | 'bf16';

/**
 * The nearest number of a format, ties to even; Infinity past its largest.
 *
 * Source: IEEE 754; rounding by splitting: Dekker 1971, "A floating-point technique for extending the available precision".
 * @example rounded(0.1, 'f16') // 0.0999755859375
 */
export function rounded(x: number, precision: Precision): number {
  if (precision === 'f32' || !Number.isFinite(x)) return Math.fround(x);
  return precision === 'f16' ? toHalf(x) : toBfloat(x);
}

/** The largest finite number of a format: past it is Infinity. */
const HALF_LARGEST = 65504;
const HALF_LEAST_NORMAL = 2 ** -14;
const HALF_SUBNORMAL = 1.5 * 2 ** 28; // its unit in the last place is 2⁻²⁴, that of half subnormals

function toHalf(x: number): number {
  if (Math.abs(x) < HALF_LEAST_NORMAL) return x + HALF_SUBNORMAL - HALF_SUBNORMAL;
  const half = leading(x, 2 ** 42 + 1);
  return Math.abs(half) > HALF_LARGEST ? half * Number.POSITIVE_INFINITY : half;
}

const toBfloat = (x: number): number => Math.fround(leading(x, 2 ** 45 + 1));

/** The leading 53 − s bits of x, for a factor 2ˢ + 1. */
function leading(x: number, factor: number): number {
  const wide = factor * x;
  return wide - (wide - x);
}

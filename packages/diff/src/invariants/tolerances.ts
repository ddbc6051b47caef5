import type { CheckName } from './broken.js';

/**
 * What rounding may do to a healthy engine.
 *
 * Activations that are kept as bf16 are off by 2⁻⁹ = 2e-3 of each value, as f16 by 5e-4, and an engine may round several times
 * on the way. These checks are gross: what they are for is off by 10% and more. All are fractions of the size of what is
 * compared, or of the terms of a sum, never of a result in which terms cancel.
 */
export const TOLERANCES: Readonly<Record<Exclude<CheckName, 'finite' | 'cache'>, number>> = {
  'rope-norm': 2e-2, // bf16 values, cosines and sines, products and sums: four roundings of 2e-3 at the worst
  'rope-identity': 2e-2, // the same
  'softmax-range': 1e-2, // a probability of 1, rounded
  'softmax-sum': 1e-2, // as many roundings as probabilities, but of 2e-3 of each, and together they are 1
  'softmax-mask': 1e-6, // a mask is -Infinity or far below any score: its exp() is 0 in every type
  'first-value': 2e-2, // a cache of Q8_0 is off by 6e-3 of a head's norm
  'attention-first': 5e-2, // quantised activations and weights that were not dequantised alike
  residual: 1e-2, // three bf16 roundings of 2e-3
};

/** Beside much larger values a small one has no digits of its own: the least that its size counts as, in RMS of its row. */
export const FLOOR = 1e-2;

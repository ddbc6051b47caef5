import { silu } from '../operations.js';

/** What the gate may go through. */
export type Activation = keyof typeof ACTIVATIONS;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const inner = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/**
 * Activations, the right one first.
 *
 * Sources: GELU and its tanh and sigmoid forms: Hendrycks & Gimpel 2016, arXiv:1606.08415; the hard forms: Howard et al. 2019,
 * arXiv:1905.02244; ReLU²: So et al. 2021, arXiv:2109.08668. The crude ones are what people write in place of exp or tanh.
 */
export const ACTIVATIONS = {
  silu,
  'gelu-tanh': (x: number) => 0.5 * x * (1 + Math.tanh(inner(x))),
  'gelu-erf': (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  'gelu-quick': (x: number) => x * sigmoid(1.702 * x),
  relu: (x: number) => Math.max(x, 0),
  'relu-squared': (x: number) => Math.max(x, 0) ** 2,
  sigmoid,
  tanh: Math.tanh,
  identity: (x: number) => x,
  'silu-hard': (x: number) => x * clamp(x / 6 + 0.5, 0, 1), // sigmoid as relu6(x + 3) / 6
  'silu-hard-fifth': (x: number) => x * clamp(0.2 * x + 0.5, 0, 1), // Keras's hard sigmoid
  'silu-quarter': (x: number) => x * clamp(x / 4 + 0.5, 0, 1), // the tangent of the sigmoid at 0
  'silu-rational': (x: number) => x * (0.5 + (0.5 * x) / (1 + Math.abs(x))), // softsign in place of tanh
  'silu-pade': (x: number) => x * (0.5 + 0.5 * pade(x / 2)),
  'silu-series': (x: number) => x * clamp(0.5 + x / 4 - x ** 3 / 48, 0, 1), // the series of the sigmoid
  'silu-cubic': (x: number) => x * (0.5 + 0.5 * clamp((x / 2) * (1 + 0.1834 * (x / 2) ** 2), -1, 1)), // 17 % at 1.74
  'gelu-pade': (x: number) => 0.5 * x * (1 + pade(inner(x))),
};

/** tanh(x) ≈ x (27 + x²) / (27 + 9x²), cut off at ±1. */
const pade = (x: number): number => clamp((x * (27 + x * x)) / (27 + 9 * x * x), -1, 1);

/** The error function: its series up to 3, then its continued fraction. Source: Abramowitz & Stegun 7.1.6, 7.1.14. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return ((2 / Math.sqrt(Math.PI)) * sum) / Math.exp(x * x);
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

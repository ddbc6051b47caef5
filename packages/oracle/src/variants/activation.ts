import { inputOf, operationOf, type StageCase } from '../case.js';
import { concat, mapRows, rowOf } from '../operations.js';
import type { Variation } from '../variation.js';
import { ACTIVATIONS } from './activations.js';

/**
 * ffn_swiglu: silu(gate) · up; of another architecture what its gate goes through.
 *
 * @returns (rows, n_ff)
 * Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202, equation 6.
 * @example computeActivation(c, { activation: { of: 'gelu-tanh' } })
 */
export function computeActivation(c: StageCase, v: Variation): Float64Array {
  const { activation: own = 'silu', part } = operationOf(c);
  const { of = own, combine } = v.activation ?? {};
  const act = ACTIVATIONS[of];
  const isOneProduct = operationOf(c).inputs.length === 1; // whose rows have both, gate first
  const width = part ?? inputOf(c, 0).length / c.rows / (isOneProduct ? 2 : 1);
  const [gates, ups] = isOneProduct ? halves(inputOf(c, 0), width) : [inputOf(c, 0), inputOf(c, 1)];
  return mapRows(gates, width, (gate, row) => {
    const up = rowOf(ups, width, row);
    if (combine === 'interleaved') {
      const both = concat([gate, up]); // one product makes both, gate first
      return gate.map((_, i) => act(both[2 * i] as number) * (both[2 * i + 1] as number));
    }
    return gate.map((g, i) => {
      const u = up[i] as number;
      if (combine === 'exchanged') return act(u) * g;
      if (combine === 'up-missing') return act(g);
      if (combine === 'added') return act(g) + u;
      return combine === 'of-product' ? act(g * u) : act(g) * u;
    });
  });
}

/**
 * ffn_gelu and the like: what all values go through, where nothing is gated.
 *
 * @returns as the input
 * Source: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units", arXiv:1606.08415.
 * @example computeUngated(c, { activation: { of: 'relu' } })
 */
export const computeUngated = (c: StageCase, { activation }: Variation): Float64Array =>
  inputOf(c, 0).map(ACTIVATIONS[activation?.of ?? operationOf(c).activation ?? 'silu']);

/** The first and the second half of every row. */
function halves(x: Float64Array, width: number): [Float64Array, Float64Array] {
  const half = (first: number) => mapRows(x, 2 * width, (row) => row.subarray(first, first + width));
  return [half(0), half(width)];
}

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
  const { of = operationOf(c).activation ?? 'silu', combine } = v.activation ?? {};
  const act = ACTIVATIONS[of];
  const gates = inputOf(c, 0);
  const ups = inputOf(c, 1);
  const width = gates.length / c.rows;
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

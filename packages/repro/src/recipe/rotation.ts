import type { StageOperation } from '@llama-probe/oracle';
import type { Builder } from './builder.js';
import { count, counts, real } from './recipe.js';
import { configOf } from './selection.js';

/** The angle of each pair, slowed down where the model says so, and the rotation of whole heads by it. */
export function rotation(
  operation: StageOperation,
  columns: readonly number[] | undefined,
  { c, inputs, input, weight, call, positions }: Builder,
): string {
  const config = configOf(c, operation);
  const { headDim, ropeDims = headDim, ropeFreqBase, ropeFreqScale, ropeYarn: yarn } = config;
  const x = input(operation.inputs[0] as (typeof operation.inputs)[number], columns);
  const angles = { dims: count(ropeDims), base: real(ropeFreqBase), factor: real(ropeFreqScale) };
  let frequencies = yarn
    ? call('yarn_frequencies', [], {
        ...angles,
        original_context: real(yarn.originalContext),
        beta_fast: real(yarn.betaFast),
        beta_slow: real(yarn.betaSlow),
      })
    : call('rope_frequencies', [], angles);
  const { ropeFactors = 'rope_freqs.weight' } = config;
  if (ropeFactors !== null && c.model.weight(ropeFactors)) {
    frequencies = call('slowed', [frequencies, inputs.vector(ropeFactors, weight(ropeFactors))]);
  }
  // Source: Peng et al. 2023, "YaRN", arXiv:2309.00071, equation 22.
  const magnitude = yarn ? yarn.attnFactor * (1 + 0.1 * Math.log(1 / ropeFreqScale)) : 1;
  return call('rope', [x, frequencies], {
    positions: counts(positions),
    head_dim: count(headDim),
    halves: { is: config.ropePairs === 'halves' },
    magnitude: real(magnitude),
  });
}

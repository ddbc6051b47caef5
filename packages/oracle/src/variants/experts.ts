import { inputOf, operationOf, rowsOf, type StageCase } from '../case.js';
import { mapRows } from '../operations.js';
import type { Variation } from '../variation.js';

/**
 * The probabilities of a row, such as those of the chosen experts: softmax over all of it.
 *
 * @returns as the input
 * Source: Shazeer et al. 2017, "Outrageously Large Neural Networks", arXiv:1701.06538 §2.1.
 */
export function computeProbabilities(c: StageCase): Float64Array {
  return mapRows(inputOf(c, 0), c.model.config.embeddingLength, (row) => {
    const highest = row.reduce((a, b) => Math.max(a, b));
    const powers = row.map((logit) => Math.exp(logit - highest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  });
}

/**
 * ffn_moe_weighted: the rows of each chosen expert times its weight.
 *
 * @returns (rows, experts · n_embd)
 * Source: Shazeer et al. 2017, arXiv:1701.06538, equation 1.
 * @example computeWeighted(c, { experts: { bias: 'unweighted' } }) // the bias of each expert as it is
 */
export function computeWeighted(c: StageCase, v: Variation): Float64Array {
  const [x, weights] = [inputOf(c, 0), inputOf(c, 1)];
  const { unbiased } = operationOf(c);
  const plain = v.experts?.bias && unbiased ? rowsOf(c, unbiased) : undefined;
  const width = x.length / weights.length;
  return x.map((value, i) => {
    const weight = weights[Math.floor(i / width)] as number;
    return plain ? weight * (plain[i] as number) + (value - (plain[i] as number)) : weight * value;
  });
}

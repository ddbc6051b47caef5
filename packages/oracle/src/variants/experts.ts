import { inputOf, operationOf, rowsOf, type StageCase, tensorName } from '../case.js';
import { concat, mapRows, rowOf } from '../operations.js';
import type { Variation } from '../variation.js';
import { computeProduct } from './product.js';
import { ROUTERS } from './router.js';
import { vectorOf, weightOf } from './weight.js';

// A mixture of experts. Of each token the rows of those chosen lie one after another: (tokens, chosen · width).

/**
 * The probabilities of a row, such as those of the chosen experts: softmax over all of it.
 *
 * @returns as the input
 * Source: Shazeer et al. 2017, "Outrageously Large Neural Networks", arXiv:1701.06538 §2.1.
 * @example computeProbabilities(c, { experts: { router: 'sigmoid' } })
 */
export const computeProbabilities = (c: StageCase, { experts }: Variation): Float64Array =>
  routed(c, experts?.router ?? 'softmax');

/**
 * What each expert gets of a sigmoid on its own.
 *
 * @returns as the input
 * Source: DeepSeek-AI 2024, "DeepSeek-V3", arXiv:2412.19437, equation 15.
 */
export const computeSigmoid = (c: StageCase, { experts }: Variation): Float64Array =>
  routed(c, experts?.router ?? 'sigmoid');

const routed = (c: StageCase, how: keyof typeof ROUTERS): Float64Array =>
  ROUTERS[how](inputOf(c, 0), inputOf(c, 0).length / c.rows);

/** ffn_moe_topk: the places of the highest of a row, the highest first; of equal ones the first. @returns (tokens, count) */
export function computeTopK(c: StageCase): Float64Array {
  const x = inputOf(c, 0);
  const { count = 0 } = operationOf(c);
  return mapRows(x, x.length / c.rows, (row) => {
    const places = Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number) || a - b);
    return Float64Array.from(places.slice(0, count));
  });
}

/**
 * ffn_moe_weights: what the router gave those that were chosen.
 *
 * @returns (tokens, chosen)
 * @example computeChosen(c, { experts: { normalised: 'extra' } }) // divided by their sum
 */
export function computeChosen(c: StageCase, { experts }: Variation): Float64Array {
  const [all, chosen] = [inputOf(c, 0), inputOf(c, 1)];
  const [width, count] = [all.length / c.rows, chosen.length / c.rows];
  const weights = chosen.map((id, i) =>
    isOneOf(id, width) ? (all[Math.floor(i / count) * width + id] as number) : Number.NaN,
  );
  return experts?.normalised === 'extra' ? mapRows(weights, count, (row) => row.map((w) => w / sumOf(row))) : weights;
}

/** The sum of each row. @returns (tokens, 1) */
export const computeRowSum = (c: StageCase): Float64Array =>
  mapRows(inputOf(c, 0), inputOf(c, 0).length / c.rows, (row) => Float64Array.of(sumOf(row)));

const sumOf = (row: Float64Array): number => row.reduce((a, b) => a + b, 0);

/** Each value, kept between two bounds. @returns as the input */
export function computeClamp(c: StageCase): Float64Array {
  const [low, high] = operationOf(c).bounds ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return inputOf(c, 0).map((value) => Math.min(Math.max(value, low), high));
}

/**
 * ffn_moe_weights_norm: each row divided by a number of its own, its sum.
 *
 * @returns as the first input
 * Source: Jiang et al. 2024, "Mixtral of Experts", arXiv:2401.04088 §2.1.
 * @example computeQuotient(c, { experts: { normalised: 'missing' } })
 */
export function computeQuotient(c: StageCase, { experts }: Variation): Float64Array {
  const [x, by] = [inputOf(c, 0), inputOf(c, 1)];
  const width = x.length / by.length;
  return experts?.normalised === 'missing' ? x.slice() : x.map((v, i) => v / (by[Math.floor(i / width)] as number));
}

/**
 * ffn_moe_gate, ffn_moe_up, ffn_moe_down: a product with the matrix of each expert that was chosen, which are one below the other in the file.
 *
 * @returns (tokens, chosen · a matrix's rows), or (tokens, columns.length)
 * Source: Shazeer et al. 2017, arXiv:1701.06538, equation 1.
 * @example computeExpertProduct(c, { experts: { matrices: 'first' } }) // whoever was chosen
 */
export function computeExpertProduct(c: StageCase, v: Variation, columns?: Int32Array): Float64Array {
  const { experts = 1, weight = '' } = operationOf(c);
  const [x, ids] = [inputOf(c, 0), inputOf(c, 1)];
  const all = weightOf(c.model, tensorName(c, weight));
  const [width, chosen] = [all.rows / experts, ids.length / c.rows];
  const wanted = columns ?? Int32Array.from({ length: chosen * width }, (_, i) => i);
  const y = new Float64Array(c.rows * wanted.length).fill(Number.NaN); // which stays where an id names nobody
  for (let place = 0; place < chosen; place++) {
    const at = Array.from(wanted.keys()).filter((i) => Math.floor((wanted[i] as number) / width) === place);
    const own = Int32Array.from(at, (i) => (wanted[i] as number) - place * width);
    for (const [id, tokens] of tokensOf(ids, place, chosen)) {
      if (!isOneOf(id, experts)) continue;
      const rows = tokens.map((token) => rowAt(x, { token, place, chosen, tokens: c.rows, width: all.columns }));
      const product = computeProduct(caseOfExpert(c, matrixOf(v, id, place, experts), rows), v, own);
      tokens.forEach((token, row) => {
        at.forEach((to, i) => {
          y[token * wanted.length + to] = product[row * own.length + i] as number;
        });
      });
    }
  }
  return y;
}

/** Whether an id names one of so many. */
const isOneOf = (id: number, count: number): boolean => Number.isInteger(id) && id >= 0 && id < count;

/** Which tokens have which expert at a place among those chosen. */
function tokensOf(ids: Float64Array, place: number, chosen: number): Map<number, number[]> {
  const tokens = new Map<number, number[]>();
  for (let token = 0; token * chosen < ids.length; token++) {
    const id = ids[token * chosen + place] as number;
    tokens.set(id, [...(tokens.get(id) ?? []), token]);
  }
  return tokens;
}

/** A token's row, which is the same for all that it goes through, or one for each. */
function rowAt(
  x: Float64Array,
  { token, place, chosen, tokens, width }: Record<'token' | 'place' | 'chosen' | 'tokens' | 'width', number>,
): Float64Array {
  return rowOf(x, width, x.length === tokens * width ? token : token * chosen + place);
}

function matrixOf({ experts }: Variation, id: number, place: number, count: number): number {
  switch (experts?.matrices) {
    case 'by-place':
      return place;
    case 'first':
      return 0;
    case 'next':
      return (id + 1) % count;
    default:
      return id;
  }
}

/** The product of one expert, as if the model had no other. */
function caseOfExpert(c: StageCase, expert: number, rows: readonly Float64Array[]): StageCase {
  const { inputs: [input] = [], experts = 1 } = operationOf(c);
  const weight = (name: string) => {
    const all = c.model.weight(name);
    if (!all || !name.includes('_exps.')) return all;
    const [count, bytes] = [all.rows / experts, all.bytes.length / experts];
    const numbers = all.numbers?.subarray(expert * count * all.columns, (expert + 1) * count * all.columns);
    const part = all.bytes.subarray(expert * bytes, (expert + 1) * bytes);
    return { ...all, rows: count, bytes: part, ...(numbers ? { numbers } : {}) };
  };
  return { ...c, rows: rows.length, inputs: { [input?.stage ?? '']: concat(rows) }, model: { ...c.model, weight } };
}

/**
 * ffn_moe_gate_biased and its like: the bias of each expert that was chosen.
 *
 * @returns as the first input
 * @example computeExpertBias(c, { experts: { bias: 'missing' } })
 */
export function computeExpertBias(c: StageCase, { experts }: Variation): Float64Array {
  const [x, ids] = [inputOf(c, 0), inputOf(c, 1)];
  if (experts?.bias === 'missing') return x.slice();
  const bias = vectorOf(weightOf(c.model, tensorName(c, operationOf(c).weight ?? '', 'bias')));
  const [width, chosen] = [x.length / ids.length, ids.length / c.rows];
  return x.map((value, i) => {
    const row = Math.floor(i / width);
    const id = experts?.bias === 'by-place' ? row % chosen : (ids[row] as number);
    return value + (isOneOf(id, bias.length / width) ? (bias[id * width + (i % width)] as number) : Number.NaN);
  });
}

/**
 * ffn_moe_weighted: the rows of each chosen expert times its weight.
 *
 * @returns (tokens, chosen · n_embd)
 * Source: Shazeer et al. 2017, arXiv:1701.06538, equation 1.
 * @example computeWeighted(c, { experts: { bias: 'unweighted' } }) // the bias of each expert as it is
 */
export function computeWeighted(c: StageCase, { experts }: Variation): Float64Array {
  const [x, weights] = [inputOf(c, 0), inputOf(c, 1)];
  const { unbiased } = operationOf(c);
  const plain = experts?.bias === 'unweighted' && unbiased ? rowsOf(c, unbiased) : undefined;
  const [width, chosen] = [x.length / weights.length, weights.length / c.rows];
  const power = experts?.weights === 'missing' ? 0 : experts?.weights === 'twice' ? 2 : 1;
  return x.map((value, i) => {
    const row = Math.floor(i / width);
    const place = experts?.weights === 'reversed' ? chosen - 1 - (row % chosen) : row % chosen;
    const weight = (weights[row - (row % chosen) + place] as number) ** power;
    return plain ? weight * (plain[i] as number) + (value - (plain[i] as number)) : weight * value;
  });
}

/**
 * ffn_moe_out: the rows of all experts that a token goes through, added.
 *
 * @returns (tokens, n_embd)
 * Source: Shazeer et al. 2017, arXiv:1701.06538, equation 1.
 * @example computeExpertSum(c, { experts: { added: 'first' } })
 */
export function computeExpertSum(c: StageCase, { experts }: Variation): Float64Array {
  const x = inputOf(c, 0);
  const { count = 1 } = operationOf(c);
  const width = x.length / c.rows / count;
  const of = { first: 1, mean: count, 'without-last': count - 1, all: count }[experts?.added ?? 'all'];
  const by = experts?.added === 'mean' ? count : 1;
  return mapRows(x, width * count, (row) =>
    Float64Array.from({ length: width }, (_, i) => {
      let sum = 0;
      for (let place = 0; place < of; place++) sum += row[place * width + i] as number;
      return sum / by;
    }),
  );
}

import { inputOf, operationOf, type StageCase, weightName } from '../case.js';
import { concat, dot, rowOf } from '../operations.js';
import { weightOf, weightRow } from './weight.js';

/**
 * Rows of two inputs beside each other, piece by piece: of each head what is not turned, then what is.
 *
 * @returns (rows, pieces · (length of a piece of the first + of the second))
 * Source: DeepSeek-AI 2024, "DeepSeek-V2", arXiv:2405.04434, equations 40 and 41.
 * @example computeConcat(c) // [q_nope of head 0, q_pe of head 0, q_nope of head 1, …]
 */
export function computeConcat(c: StageCase): Float64Array {
  const { lengths = [] } = operationOf(c);
  const inputs = lengths.map((length, i) => ({ length, rows: inputOf(c, i) }));
  const pieces = (inputs[0]?.rows.length ?? 0) / (inputs[0]?.length ?? 1);
  return concat(
    Array.from({ length: pieces }, (_, piece) => inputs.map(({ length, rows }) => rowOf(rows, length, piece))).flat(),
  );
}

/**
 * The product of each head's part of a row with a matrix of its own: what latent attention makes of a head's query to meet the cache's narrow
 * rows, and of what it has read there.
 *
 * @returns (rows, heads · outputs)
 * Source: DeepSeek-AI 2024, arXiv:2405.04434 §2.1.2: W^UK is absorbed into W^Q, W^UV into W^O.
 * @example computeHeadProduct(c) // y[head] = W[head] · x[head], with W as (heads, outputs, inputs)
 */
export function computeHeadProduct(c: StageCase): Float64Array {
  const { headCount } = c.model.config;
  const weight = weightOf(c.model, weightName(c) as string);
  const outputs = weight.rows / headCount;
  const matrix = Array.from({ length: weight.rows }, (_, row) => weightRow(weight, row, {}));
  const x = inputOf(c, 0);
  return Float64Array.from({ length: c.rows * weight.rows }, (_, i) => {
    const [row, output] = [Math.floor(i / weight.rows), i % weight.rows];
    const head = row * headCount + Math.floor(output / outputs);
    return dot(rowOf(x, weight.columns, head), matrix[output] as Float64Array);
  });
}

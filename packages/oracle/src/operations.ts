/**
 * The embedding of each token: the row of the table that its id names.
 *
 * @param row a dequantised row of the table, (n_embd), by id @returns (ids, n_embd)
 * Source: Touvron et al. 2023, "LLaMA", arXiv:2302.13971.
 * @example getRows((id) => dequantizeRow('Q8_0', bytesOf(id), 2048), [1, 15043])
 */
export function getRows(row: (id: number) => Float64Array, ids: readonly number[]): Float64Array {
  return concat(ids.map(row));
}

/**
 * Divides each row by its root mean square: x / √(mean(x²) + ε). The weight is a step of its own, `mul`.
 *
 * @param x (rows, width) @returns (rows, width)
 * Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization", arXiv:1910.07467.
 * @example rmsNorm(Float64Array.of(3, 4), 2, 0) // [3 / √12.5, 4 / √12.5]
 */
export function rmsNorm(x: Float64Array, width: number, epsilon: number): Float64Array {
  return mapRows(x, width, (row) => {
    const meanSquare = dot(row, row) / width;
    return row.map((value) => value / Math.sqrt(meanSquare + epsilon));
  });
}

/**
 * Multiplies every row by the same weight: the second half of a norm.
 *
 * @param x (rows, width) @param weight (width) @returns (rows, width)
 * @example mul(Float64Array.of(1, 2, 3, 4), Float64Array.of(10, 20)) // [10, 40, 30, 80]
 */
export function mul(x: Float64Array, weight: Float64Array): Float64Array {
  return mapRows(x, weight.length, (row) => row.map((value, i) => value * (weight[i] as number)));
}

/**
 * The product with a weight that is stored by output: y = x · Wᵀ.
 *
 * @param x (rows, columns) @param weight (outputs, columns), dequantised @returns (rows, outputs)
 * @example matMul(Float64Array.of(1, 2), Float64Array.of(1, 0, 0, 1, 1, 1), 2) // [1, 2, 3]
 */
export function matMul(x: Float64Array, weight: Float64Array, columns: number): Float64Array {
  const outputs = Array.from({ length: weight.length / columns }, (_, i) => rowOf(weight, columns, i));
  return mapRows(x, columns, (row) => outputs.map((output) => dot(row, output)));
}

/**
 * Adds the same bias to every row.
 *
 * @param x (rows, width) @param bias (width) @returns (rows, width)
 * @example addBias(Float64Array.of(1, 2, 3, 4), Float64Array.of(10, 20)) // [11, 22, 13, 24]
 */
export function addBias(x: Float64Array, bias: Float64Array): Float64Array {
  return mapRows(x, bias.length, (row) => row.map((value, i) => value + (bias[i] as number)));
}

/**
 * SiLU, also called swish: x · σ(x) = x / (1 + e⁻ˣ).
 *
 * Source: Elfwing et al. 2017, arXiv:1702.03118; Ramachandran et al. 2017, arXiv:1710.05941.
 * @example silu(1) // 0.7310585786300049
 */
export const silu = (x: number): number => x / (1 + Math.exp(-x));

/**
 * The gated unit of the feed-forward half: silu(gate) · up.
 *
 * @param gate (rows, n_ff) @param up (rows, n_ff) @returns (rows, n_ff)
 * Source: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202.
 * @example swiglu(Float64Array.of(1), Float64Array.of(2)) // [1.4621171572600098]
 */
export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((g, i) => silu(g) * (up[i] as number));
}

/**
 * The residual connection: a + b.
 *
 * @param a (rows, width) @param b (rows, width) @returns (rows, width)
 * Source: He et al. 2015, "Deep Residual Learning", arXiv:1512.03385.
 * @example add(Float64Array.of(1, 2), Float64Array.of(10, 20)) // [11, 22]
 */
export function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + (b[i] as number));
}

/**
 * The greedy choice: the index of the largest logit, the first of them if several are equal.
 *
 * @param logits (n_vocab), of one row
 * @example argmax(Float64Array.of(1, 3, 3)) // 1
 */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
}

/** Applies `f` to each row of a flat (rows, width) tensor. */
export function mapRows(
  x: Float64Array,
  width: number,
  f: (row: Float64Array, index: number) => ArrayLike<number>,
): Float64Array {
  const y: Float64Array[] = [];
  for (let i = 0; i * width < x.length; i++) y.push(Float64Array.from(f(x.subarray(i * width, (i + 1) * width), i)));
  return concat(y);
}

/** The rows one after another, in one flat tensor. */
export function concat(rows: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(rows.reduce((length, row) => length + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/** Row `index` of a flat (rows, width) tensor: a view, not a copy. */
export const rowOf = (x: Float64Array, width: number, index: number): Float64Array =>
  x.subarray(index * width, (index + 1) * width);

/** Σ aᵢ·bᵢ. @param at the index of b's first */
export function dot(a: Float64Array, b: Float64Array, at = 0): number {
  const length = a.length - (a.length % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0]; // an addition waits for the one before it: four sums go on side by side
  let j = at;
  for (let i = 0; i < length; i += 4, j += 4) {
    s0 += (a[i] as number) * (b[j] as number);
    s1 += (a[i + 1] as number) * (b[j + 1] as number);
    s2 += (a[i + 2] as number) * (b[j + 2] as number);
    s3 += (a[i + 3] as number) * (b[j + 3] as number);
  }
  for (let i = length; i < a.length; i++, j++) s0 += (a[i] as number) * (b[j] as number);
  return s0 + s1 + (s2 + s3);
}

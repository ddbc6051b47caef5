import { type Precision, rounded } from '@llama-probe/dump/precision';
import { biasOf, headsOf, inputOf, operationOf, roleOf, type StageCase, tensorName, weightName } from '../case.js';
import { addBias, dot, rowOf } from '../operations.js';
import type { ProductVariation, Variation } from '../variation.js';
import { andThen, headOrder, type Order, permutation } from './order.js';
import { selectColumns } from './output.js';
import { turned } from './rope.js';
import { ROUTERS } from './router.js';
import { rowReader, vectorOf, weightOf } from './weight.js';

/**
 * A product with a weight that is stored by output: y = x · Wᵀ + b. Only the weights of the asked outputs are dequantised.
 *
 * @returns (rows, W's rows), or (rows, columns.length)
 * Source: Vaswani et al. 2017, arXiv:1706.03762 §3.2.2 and §3.3 (the projections and the feed-forward half).
 * @example computeProduct(c, { product: { walk: 'transposed' } }, Int32Array.of(0, 64)) // two outputs of each row
 */
export function computeProduct(c: StageCase, v: Variation, columns?: Int32Array): Float64Array {
  if (v.rope?.applied) {
    const { rope, ...rest } = v;
    const whole = computeProduct(c, rest);
    return selectColumns(turned(whole, whole.length / c.rows, c.firstPosition, c.model, rope), c.rows, columns);
  }
  const p = v.product ?? {};
  const weight = weightOf(c.model, p.weight ?? (weightName(c) as string));
  const order = p.fused ? byGroup(c) : outputOrder(c, p, weight.rows);
  const wanted = columns ?? Int32Array.from({ length: order?.length ?? weight.rows }, (_, i) => i);
  const x = inputRows(c, p, weight.columns);
  const rows = Array.from({ length: c.rows }, (_, row) => rowOf(x, weight.columns, row));
  const y = new Float64Array(c.rows * wanted.length);
  const bias = p.fused ? fusedBias(c, p, order as Order) : addedBias(c, p, weight.rows);
  const sum = p.accumulate ? rounding(p.accumulate) : dot;
  const read = rowReader(weight, p);
  for (let i = 0; i < wanted.length; i++) {
    const output = order ? (order[wanted[i] as number] as number) : (wanted[i] as number);
    const { of, at } = read(output);
    const added = bias?.[output] ?? 0;
    for (let row = 0; row < c.rows; row++) {
      y[row * wanted.length + i] = sum(rows[row] as Float64Array, of, at) + added;
    }
  }
  return y;
}

/**
 * A bias that is added by a step of its own; of a router, whose logits choose as they are, also what goes through a function that it has not.
 *
 * @returns as the input
 * @example computeBias(c, { product: { bias: 'missing' } }) // the input as it is
 */
export function computeBias(c: StageCase, { product, experts }: Variation): Float64Array {
  const bias = vectorOf(weightOf(c.model, tensorName(c, operationOf(c).weight as string, 'bias')));
  if (product?.bias === 'missing') return inputOf(c, 0).slice();
  const biased = addBias(inputOf(c, 0), product?.bias === 'twice' ? bias.map((value) => 2 * value) : bias);
  return experts?.router ? ROUTERS[experts.router](biased, biased.length / c.rows) : biased;
}

function inputRows(c: StageCase, p: ProductVariation, width: number): Float64Array {
  let x = inputOf(c, 0);
  if (p.inputs) {
    const { headCount, headCountKv } = c.model.config;
    const from = headOrder(p.inputs, width, headCount, headCountKv);
    const right = x;
    x = x.map((_, i) => right[i - (i % width) + (from[i % width] as number)] as number);
  }
  const { inputPrecision } = p;
  return inputPrecision ? x.map((value) => rounded(value, inputPrecision)) : x;
}

/** Which rows of a fused QKV make the outputs of a stage, were they [queries, key, value] for each KV head. */
function byGroup(c: StageCase): Order {
  const { headCount, headCountKv, headDim } = c.model.config;
  const [stage, group] = [roleOf(c), headCount / headCountKv];
  const row = (head: number): number => {
    if (stage === 'q_proj') return Math.floor(head / group) * (group + 2) + (head % group);
    return head * (group + 2) + group + (stage === 'k_proj' ? 0 : 1);
  };
  return Int32Array.from(
    { length: headsOf(c) * headDim },
    (_, i) => row(Math.floor(i / headDim)) * headDim + (i % headDim),
  );
}

/** The bias of a fused weight, which is split as that is; or the stage's own. By the row of the weight. */
function fusedBias(c: StageCase, { weight }: ProductVariation, order: Order): Float64Array | undefined {
  const whole = c.model.weight((weight as string).replace(/weight$/, 'bias'));
  const own = whole ? undefined : biasOf(c);
  if (!own) return whole && vectorOf(whole);
  const values = vectorOf(own);
  const bias = new Float64Array(order.reduce((a, b) => Math.max(a, b)) + 1);
  order.forEach((row, i) => {
    bias[row] = values[i] as number;
  });
  return bias;
}

/** Which row of the weight each output is computed with; undefined if each has its own. */
function outputOrder(c: StageCase, p: ProductVariation, width: number): Order | undefined {
  const orders = (p.permute ?? []).map((step) => permutation(width, step));
  if (p.outputs) orders.push(headOrder(p.outputs, width, headsOf(c), c.model.config.headCountKv));
  return orders.length ? orders.reduce(andThen) : undefined;
}

function addedBias(c: StageCase, p: ProductVariation, width: number): Float64Array | undefined {
  const found = biasOf(c);
  if (!found || p.bias === 'missing') return undefined;
  const bias = vectorOf(found);
  if (p.bias === 'twice') return bias.map((value) => 2 * value);
  if (p.bias !== 'unpermuted') return bias;
  const from = permutation(width, { to: 'halves', heads: headsOf(c) });
  return bias.map((_, i) => bias[from[i] as number] as number);
}

/** Σ aᵢ·bᵢ where every product and every partial sum is rounded. */
const rounding =
  (precision: Precision) =>
  (a: Float64Array, b: Float64Array, at: number): number => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
      sum = rounded(sum + rounded((a[i] as number) * (b[at + i] as number), precision), precision);
    }
    return sum;
  };

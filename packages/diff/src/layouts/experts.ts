import type { Tensor } from '@llama-probe/dump';
import { placeKey } from '@llama-probe/dump/stage';
import type { StageResult } from '../comparison.js';
import type { Layout } from './layout.js';

const CHOSEN = 'ffn_moe_topk';

/** What has a part for each chosen expert, one after the other: a name that only llama.cpp has, such as argsort, is of all experts. */
const PARTS: ReadonlySet<string> = new Set([
  CHOSEN,
  'ffn_moe_weights',
  'ffn_moe_weights_norm',
  'ffn_moe_weights_softmax',
  'ffn_moe_weights_scaled',
  'ffn_moe_up',
  'ffn_moe_up_biased',
  'ffn_moe_gate',
  'ffn_moe_gate_biased',
  'ffn_moe_swiglu',
  'ffn_moe_swiglu_oai',
  'ffn_moe_geglu',
  'ffn_moe_gate_par',
  'ffn_moe_down',
  'ffn_moe_down_biased',
  'ffn_moe_weighted',
]);

/**
 * Whether the candidate chose the same experts and has them in another order: they are a set, and their sum does not depend on it.
 *
 * Where it chose another expert anywhere, that token is left as it is, and the choice is what differs.
 */
export async function expertsInOrder(
  candidate: AsyncIterable<Tensor>,
  reference: AsyncIterable<Tensor>,
  stages: readonly StageResult[],
): Promise<Layout | undefined> {
  if (!stages.some(({ stage, verdict }) => stage === CHOSEN && verdict === 'diverged')) return undefined;
  const wanted = await chosen(reference);
  const orders = new Map<string, readonly number[]>(); // of a token: which of the candidate's parts comes first, …
  for (const [key, experts] of await chosen(candidate)) {
    const order = wanted.get(key)?.map((expert) => experts.indexOf(expert));
    if (order && order.length === experts.length && new Set(order).size === order.length && !order.includes(-1)) {
      if (order.some((from, to) => from !== to)) orders.set(key, order);
    }
  }
  if (orders.size === 0) return undefined;
  return {
    text: "the chosen experts are in another order than the reference's, which is no difference: put into its order",
    undo: (tensor) => (PARTS.has(tensor.stage) ? reordered(tensor, orders) : tensor),
  };
}

/** The experts of each token of each layer. */
async function chosen(tensors: AsyncIterable<Tensor>): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>();
  for await (const tensor of tensors) {
    if (tensor.stage !== CHOSEN) continue;
    const { width, values, positions } = tensor;
    for (const [row, position] of positions.entries())
      found.set(tokenKey(tensor, position), [...values.subarray(row * width, (row + 1) * width)]);
  }
  return found;
}

function reordered(tensor: Tensor, orders: ReadonlyMap<string, readonly number[]>): Tensor {
  const { width, positions } = tensor;
  const values = tensor.values.slice();
  for (const [row, position] of positions.entries()) {
    const order = orders.get(tokenKey(tensor, position));
    if (!order || width % order.length !== 0) continue;
    const part = width / order.length;
    for (const [to, from] of order.entries()) {
      const begin = row * width + from * part;
      values.set(tensor.values.subarray(begin, begin + part), row * width + to * part);
    }
  }
  return { ...tensor, values };
}

const tokenKey = ({ step, layer }: Tensor, position: number): string =>
  `${step}/${placeKey({ layer, stage: CHOSEN })}/${position}`;
